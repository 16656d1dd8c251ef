"""All cases: the cheap ones first."""
from cases import lifecycle  # noqa: F401
from cases import commands  # noqa: F401
from cases import boto_objects  # noqa: F401
from cases import boto_uploads  # noqa: F401
from cases import boto_access  # noqa: F401
from cases import boto_versions  # noqa: F401
from cases import settlement  # noqa: F401
from cases import aws_cli  # noqa: F401
from cases import rclone  # noqa: F401
from cases import restic  # noqa: F401
from cases import s3cmd  # noqa: F401
from cases import js_sdk  # noqa: F401
from cases import faults  # noqa: F401
from cases import hostile  # noqa: F401
from cases import repair  # noqa: F401
from cases import audit  # noqa: F401
from cases import large  # noqa: F401
