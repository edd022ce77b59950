"""The files behind runs and versions: blobs by SHA-256, their checksums and their scans."""
