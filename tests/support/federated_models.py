"""Models that a test names by file: one that works, and others that do not."""

import numpy as np

RAN = True


class Model:
    def __init__(self, scale="1"):
        self.scale = float(scale)

    def parameters(self):
        return [np.zeros((2, 3)), np.zeros(4)]

    def fit(self, parameters, config):
        return [array + self.scale for array in parameters], 5, {}

    def evaluate(self, parameters, config):
        return 1.0, 2, {}


class Client:
    """Written for Flower."""

    def get_parameters(self, config):
        assert config == {}
        return [np.zeros((2, 3), dtype=np.float32), np.zeros(4, dtype=np.float32)]

    def fit(self, parameters, config):
        assert isinstance(parameters, list)
        assert isinstance(config, dict)
        return [array.astype(np.float32) + 1 for array in parameters], np.int64(5), {"accuracy": 0.5}

    def evaluate(self, parameters, config):
        return np.float32(0.25), 2, {}


class Broken:
    def __init__(self):
        raise ValueError("no such data")


class Other:
    pass


NUMBER = 5
