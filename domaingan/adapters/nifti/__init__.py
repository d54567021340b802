"""Scans on disk: NIfTI files, and the layouts ``nifti`` and ``nnunet``."""
