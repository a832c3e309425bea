"""Taking type hints apart."""

import types
import typing

import slicer

from .checks import Default, Validator


def splitAnnotations(hint):
    """Return the type and the further arguments of ``Annotated[type, ...]``; none for a plain type."""
    if typing.get_origin(hint) is typing.Annotated:
        return hint.__origin__, hint.__metadata__
    return hint, ()


def unannotatedType(hint):
    return splitAnnotations(hint)[0]


def findFirstAnnotation(annotations, kind):
    return next((item for item in annotations if isinstance(item, kind)), None)


def sort_annotations(annotations):
    """Return the validators, the default (or None) and what is neither."""
    validators = [item for item in annotations if isinstance(item, Validator)]
    defaults = [item for item in annotations if isinstance(item, Default)]
    if len(defaults) > 1:
        raise Exception("more than one default")
    rest = [item for item in annotations if not isinstance(item, Validator | Default)]
    return validators, defaults[0] if defaults else None, rest


def split_name(name):
    """Return the part before the first dot and the one after it (None where there is no dot)."""
    top, dot, rest = name.partition(".")
    return top, rest if dot else None


def union_members(hint):
    """Return the members of ``Union[A, B]`` or ``A | B``, or None for any other type."""
    if typing.get_origin(hint) is typing.Union or isinstance(hint, types.UnionType):
        return typing.get_args(hint)
    return None


def is_node_class(hint):
    return isinstance(hint, type) and issubclass(hint, slicer.vtkMRMLNode)


def isNodeOrUnionOfNodes(hint):
    """Whether a node selector can stand for the type: a node class, or a union of such classes (and None)."""
    hint = unannotatedType(hint)
    members = union_members(hint)
    if members is None:
        return is_node_class(hint)
    return all(member is type(None) or is_node_class(member) for member in map(unannotatedType, members))


def getNodeTypes(hint):
    """Return the names of the node classes. A class that cannot be made, as vtkMRMLNode, raises TypeError."""
    hint = unannotatedType(hint)
    members = union_members(hint) or (hint,)
    classes = [member for member in map(unannotatedType, members) if is_node_class(member)]
    if not classes:
        raise TypeError(f"expected node classes, got {hint}")
    return tuple(node_class().GetClassName() for node_class in classes)
