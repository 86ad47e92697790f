"""A small network that reads handwritten digits, as one node trains it: docs/federated.md."""

import numpy as np


class Digits:
    """64 pixels, 32 hidden units, 10 digits; trained on one file, of which every fifth image is held out."""

    def __init__(self, data):
        with np.load(data) as file:
            x, y = file["x"] / 16, file["y"]
        held_out = np.arange(len(x)) % 5 == 0
        self.training, self.held_out = (x[~held_out], y[~held_out]), (x[held_out], y[held_out])

    def parameters(self):
        random = np.random.default_rng(1)  # the same at every node
        weights = [random.normal(0, 1 / 8, (64, 32)), random.normal(0, 1 / 6, (32, 10))]
        return [weights[0], np.zeros(32), weights[1], np.zeros(10)]

    def fit(self, parameters, config):
        x, y = self.training
        before = [array.copy() for array in parameters]
        random = np.random.default_rng(config["round"])
        for _ in range(config["epochs"]):
            for batch in np.array_split(random.permutation(len(x)), -(-len(x) // config["batch"])):
                _, gradients = loss_and_gradients(parameters, x[batch], y[batch])
                for array, gradient, start in zip(parameters, gradients, before, strict=True):
                    array -= config["rate"] * (gradient + config.get("proximal_mu", 0) * (array - start))
        return parameters, len(x), {}

    def evaluate(self, parameters, config):
        x, y = self.held_out
        loss, _ = loss_and_gradients(parameters, x, y)
        return loss, len(x), {"accuracy": float((predict(parameters, x) == y).mean())}


def predict(parameters, x):
    """The likeliest digit of each image, pixels between 0 and 1."""
    first, first_bias, second, second_bias = parameters
    return (np.maximum(x @ first + first_bias, 0) @ second + second_bias).argmax(axis=1)


def loss_and_gradients(parameters, x, y):
    """Mean cross-entropy of some images, and its gradient by each array."""
    first, first_bias, second, second_bias = parameters
    hidden = np.maximum(x @ first + first_bias, 0)
    scores = hidden @ second + second_bias
    scores -= scores.max(axis=1, keepdims=True)
    powers, right = np.exp(scores), (np.arange(len(y)), y)
    total = powers.sum(axis=1)
    loss = (np.log(total) - scores[right]).mean()
    chances = powers / total[:, None]
    chances[right] -= 1
    chances /= len(y)
    back = chances @ second.T * (hidden > 0)
    return loss, [x.T @ back, back.sum(axis=0), hidden.T @ chances, chances.sum(axis=0)]
