"""What every room needs: errors, files, progress, picture tiles and packaged weights."""
