"""The programs that are timed, each behind the same four calls. Run inside a child (child.py).

Making one imports the program; load() opens the model for its input; run() is what is timed, from
the input in the caller's memory to the output where it can be read; answer() is that output.
"""

import ctypes
import pathlib


class Program:
    """What all share: the folder of an export, its input and the number of threads."""

    def __init__(self, folder, threads, library):
        import numpy

        self.numpy = numpy
        self.folder = pathlib.Path(folder)
        self.threads = threads
        self.library = library
        self.x = numpy.load(self.folder / "input_0.npy")
        self.expected = numpy.load(self.folder / "expected_f64.npy")
        self.version = self.start()

    def warm(self):
        """Reads the model's files, so that no program is the first to fetch them from the disk."""
        for path in self.files():
            with open(path, "rb") as file:
                while file.read(1 << 22):
                    pass

    def files(self):
        return [self.folder / "model.onnx"]

    def error(self):
        """Largest difference from PyTorch in float64, relative to its largest value."""
        y = self.numpy.asarray(self.answer(), dtype=self.numpy.float64)
        if y.shape != self.expected.shape:
            raise RuntimeError(f"its output is {y.shape}, not {self.expected.shape}")
        return float(abs(y - self.expected).max() / abs(self.expected).max())


class OnnxRuntime(Program):
    def start(self):
        import onnxruntime

        self.module = onnxruntime
        return onnxruntime.__version__

    def load(self):
        options = self.module.SessionOptions()
        options.intra_op_num_threads = self.threads
        self.session = self.module.InferenceSession(
            str(self.folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.feed = {self.session.get_inputs()[0].name: self.x}

    def run(self):
        self.out = self.session.run(None, self.feed)

    def answer(self):
        return self.out[0]


class OpenVino(Program):
    def start(self):
        import openvino

        self.module = openvino
        return openvino.__version__.split("-")[0]

    def load(self):
        core = self.module.Core()
        model = core.read_model(self.folder / "model.onnx")
        model.reshape(list(self.x.shape))
        compiled = core.compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "LATENCY",
                "INFERENCE_NUM_THREADS": self.threads,
                "INFERENCE_PRECISION_HINT": "f32",
            },
        )
        self.request = compiled.create_infer_request()
        self.inputs = [self.x]

    def run(self):
        self.out = self.request.infer(self.inputs, share_inputs=True, share_outputs=True)

    def answer(self):
        return self.out[0]


class Ncnn(Program):
    def start(self):
        import ncnn

        self.module = ncnn
        return ncnn.__version__

    def files(self):
        return [self.folder / "ncnn" / f"model.ncnn.{end}" for end in ("param", "bin")]

    def load(self):
        self.net = self.module.Net()
        options = self.net.opt
        options.num_threads = self.threads
        for name in dir(options):
            if name.startswith(("use_fp16", "use_bf16")):
                setattr(options, name, False)
        param, weights = self.files()
        if self.net.load_param(str(param)) != 0 or self.net.load_model(str(weights)) != 0:
            raise RuntimeError("it cannot read what pnnx wrote")
        self.mat = self.module.Mat(self.x[0])

    def run(self):
        extractor = self.net.create_extractor()
        extractor.input("in0", self.mat)
        status, self.out = extractor.extract("out0")
        if status != 0:
            raise RuntimeError(f"extract gives {status}")

    def answer(self):
        return self.numpy.array(self.out)[None]


class Mnn(Program):
    def start(self):
        import MNN

        self.module = MNN
        return MNN.version()

    def files(self):
        return [self.folder / "mnn" / "model.mnn"]

    def load(self):
        self.net = self.module.Interpreter(str(self.files()[0]))
        self.session = self.net.createSession(
            {"backend": "CPU", "precision": "high", "numThread": self.threads}
        )
        self.input = self.net.getSessionInput(self.session)
        self.net.resizeTensor(self.input, self.x.shape)
        self.net.resizeSession(self.session)
        self.output = self.net.getSessionOutput(self.session)
        self.from_host = self._host(self.x)
        self.to_host = self._host(self.numpy.zeros(self.output.getShape(), self.numpy.float32))

    def _host(self, array):
        kind = self.module.Halide_Type_Float
        return self.module.Tensor(array.shape, kind, array, self.module.Tensor_DimensionType_Caffe)

    def run(self):
        self.input.copyFrom(self.from_host)
        self.net.runSession(self.session)
        self.output.copyToHostTensor(self.to_host)

    def answer(self):
        return self.numpy.array(self.to_host.getNumpyData())


class Blok(Program):
    def start(self):
        import blok_lib

        self.module = blok_lib
        self.calls = blok_lib.Library(self.library)
        return self.calls.version

    def load(self):
        self.model = self.module.Model(self.calls, self.folder / "model.onnx")
        self.session = self._session()

    def _session(self):
        session = self.module.Session(self.calls, self.model, self.threads, self.x.shape)
        session.bind(self.x.ctypes.data, self.x.nbytes)
        return session

    def run(self):
        self.session.run()

    def again(self):
        """A second session of the same model, run once."""
        self.second = self._session()
        self.second.run()

    def answer(self):
        address, dims = self.session.answer()
        numbers = (ctypes.c_float * int(self.numpy.prod(dims))).from_address(address)
        return self.numpy.array(numbers).reshape(dims)


BY_NAME = {
    "onnxruntime": OnnxRuntime,
    "openvino": OpenVino,
    "ncnn": Ncnn,
    "mnn": Mnn,
    "blok": Blok,
}
