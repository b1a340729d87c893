"""One loaded ONNX model. The only place that calls ONNX Runtime."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kaname.errors import Refused

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FATAL = 4
_FAILURES = ("Fail", "InvalidArgument", "InvalidGraph", "InvalidProtobuf", "NotImplemented", "RuntimeException")


@dataclass(frozen=True, slots=True)
class Session:
    """A model ready to run: on one thread of the CPU, so that the same input gives the same output."""

    digest: str
    """SHA-256 of the model's bytes, hex."""
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    metadata: Mapping[str, str] = field(repr=False)
    """What the model says of itself."""
    _engine: Any = field(repr=False, compare=False)
    _failures: tuple[type[Exception], ...] = field(repr=False, compare=False)

    @classmethod
    def load(cls, source: Path | bytes, digest: str | None = None) -> Session:
        """Loads a model.

        Args:
            source: a file, or its bytes.
            digest: the SHA-256 (hex) that the bytes must have.

        Raises:
            Refused: ``model-damaged`` when they have another one, or are no model that ONNX Runtime can run.
            OSError: the file cannot be read.
        """
        import onnxruntime  # pyright: ignore[reportMissingTypeStubs] - it has none

        runtime: Any = onnxruntime
        data = source.read_bytes() if isinstance(source, Path) else source
        found = hashlib.sha256(data).hexdigest()
        if digest is not None and found != digest:
            raise Refused("model-damaged", expected=digest, found=found)
        ways = runtime.SessionOptions()
        ways.intra_op_num_threads = ways.inter_op_num_threads = 1
        ways.use_deterministic_compute = True
        ways.enable_cpu_mem_arena = False  # pictures come in many sizes: an arena would keep room for the largest
        ways.log_severity_level = _FATAL
        state = runtime.capi.onnxruntime_pybind11_state
        failures = tuple(getattr(state, name) for name in _FAILURES)
        try:
            engine = runtime.InferenceSession(data, ways, providers=["CPUExecutionProvider"])
        except failures as error:
            raise Refused("model-damaged", found=found) from error
        return cls(
            digest=found,
            inputs=tuple(i.name for i in engine.get_inputs()),
            outputs=tuple(o.name for o in engine.get_outputs()),
            metadata=dict(engine.get_modelmeta().custom_metadata_map),
            _engine=engine,
            _failures=failures,
        )

    def run(self, inputs: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Runs the model.

        Args:
            inputs: one array for each of :attr:`inputs`, in the type and shape that the model asks for.

        Returns:
            One array for each of :attr:`outputs`.

        Raises:
            Refused: ``model-damaged`` when the model cannot take them, or fails on them.
        """
        try:
            found: list[NDArray[Any]] = self._engine.run(None, dict(inputs))
        except (*self._failures, ValueError) as error:  # ValueError: an input without a name of the model's
            raise Refused("model-damaged", found=self.digest) from error
        return dict(zip(self.outputs, found, strict=True))
