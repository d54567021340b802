"""Detection of lesions in scans, slices or volumes: boxes from masks, patches, MONAI's RetinaNet, training."""
