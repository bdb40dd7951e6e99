"""Keys of `attributes` that a project declares as dimensions."""

from sqlalchemy import ForeignKey, Integer
from sqlalchemy.orm import Mapped, mapped_column

from models.base import Base


class AttributeDimension(Base):
    """`position` is the key's place in the project's list, from 0."""

    __tablename__ = "attribute_dimensions"

    project_id: Mapped[int] = mapped_column(Integer, ForeignKey("projects.id"), primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(Integer)
