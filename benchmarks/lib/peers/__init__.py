"""What others do, written from their descriptions, to be measured beside ours in the same run."""
