"""Names that the data classes share with public code."""

MOUNT_MODE = "mount"
DOWNLOAD_MODE = "download"
UPLOAD_MODE = "upload"
DIRECT_MODE = "direct"
HDFS_MODE = "hdfs"
LINK_MODE = "link"
PATTERN_REGEX = r"^\w+$"
