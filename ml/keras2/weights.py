"""Give rebuilt layers the weights that Keras 2 stored, by name and never by order.

Keras 2 stored a frozen network in another order than a trained one, and the four vectors of a batch normalisation
have one shape: a mistake would go unnoticed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import keras

from ml.importing.refusal import ImportRefused
from ml.keras2.hdf5 import StoredWeight

Path = tuple[str, ...]
Stored = tuple[StoredWeight, ...]


def fill(layers: Mapping[Path, keras.Layer], weights: Mapping[str, Stored]) -> None:
    """Set the weights of all layers. `layers` by their path through the networks that they are in, outermost first;
    `weights` by the first name of that path. Raises ImportRefused when anything is missing or left over.
    """
    groups: dict[str, dict[Path, keras.Layer]] = defaultdict(dict)
    for path, layer in layers.items():
        if layer.weights:
            groups[path[0]][path] = layer
    left = sorted({name for name, stored in weights.items() if stored} - set(groups))
    if left:
        raise ImportRefused(f"The file has weights for layers that its architecture lacks: {', '.join(left)}.")
    for name, members in groups.items():
        for path, stored in _deal(name, members, weights.get(name, ())).items():
            _set(members[path], stored)


def _deal(name: str, members: Iterable[Path], stored: Stored) -> dict[Path, Stored]:
    """Deal the weights of one outermost layer out to the layers in it."""
    if tuple(members) == ((name,),):
        return {(name,): stored}
    owners = {path[-1]: path for path in members}
    scopes = {weight.layer for weight in stored}
    for owner in (_as_it_is, _without_count):
        dealt = {owner(scope): scope for scope in scopes}
        if set(dealt) == set(owners) and len(dealt) == len(scopes) == len(tuple(members)):
            return {
                owners[each]: tuple(weight for weight in stored if weight.layer == scope)
                for each, scope in dealt.items()
            }
    raise ImportRefused(f"The weights of {name} in the file do not belong to its layers by name.")


def _as_it_is(scope: str) -> str:
    return scope


def _without_count(scope: str) -> str:
    """TensorFlow 1 appended a count to all scopes of a network that was made twice in one process."""
    return scope.rpartition("_")[0]


def _set(layer: keras.Layer, stored: Stored) -> None:
    values = {weight.variable: weight.values for weight in stored}
    wanted = {variable.name: tuple(variable.shape) for variable in layer.weights}
    if len(values) != len(stored) or {name: array.shape for name, array in values.items()} != wanted:
        raise ImportRefused(f"The weights of layer {layer.name} do not fit it; the file may be incomplete.")
    layer.set_weights([values[name] for name in wanted])
