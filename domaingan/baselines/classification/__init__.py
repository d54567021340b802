"""Classification: of whole samples by a column or by what their masks hold, or of objects by their class."""
