"""The words that an experiment is configured with, and a sentence about each. Imports no torch."""

from typing import Literal

Clock = Literal["updates", "examples", "seconds"]
Optimizer = Literal["sgd", "adam", "adamw", "rmsprop", "adagrad"]
Schedule = Literal["constant", "step", "cosine", "one-cycle"]
Sampling = Literal["shuffle", "replacement", "sequential"]
Scale = Literal["standard", "minmax", "none"]
Task = Literal["auto", "classification", "regression"]
Loader = Literal["auto", "dataloader", "resident"]
PlaneKind = Literal["pca", "random", "heads"]

CLOCKS: dict[Clock, str] = {
    "updates": "every run makes the same number of updates: what a step is worth",
    "examples": "every run reads the same number of examples: what an example is worth",
    "seconds": "every run gets the same computing time: what a second is worth",
}
OPTIMIZERS: dict[Optimizer, str] = {
    "sgd": "the plain gradient step, with momentum and Nesterov's variant on request (torch.optim.SGD)",
    "adam": "steps scaled by running means of the gradient and its square (torch.optim.Adam)",
    "adamw": "Adam with weight decay apart from the gradient (torch.optim.AdamW)",
    "rmsprop": "steps divided by a running root mean square of the gradient (torch.optim.RMSprop)",
    "adagrad": "steps divided by the root of all squared gradients so far (torch.optim.Adagrad)",
}
SCHEDULES: dict[Schedule, str] = {
    "constant": "the same learning rate throughout",
    "step": "the rate times 0.1 after each third of schedule_updates (torch StepLR)",
    "cosine": "half a cosine from the rate down to 0 over schedule_updates (torch CosineAnnealingLR)",
    "one-cycle": "up to the rate and far below it again over schedule_updates (torch OneCycleLR)",
}
SAMPLINGS: dict[Sampling, str] = {
    "shuffle": "a new random order each epoch, every example once (DataLoader's shuffle=True)",
    "replacement": "each example drawn at random from all of them, repeats possible",
    "sequential": "the data's own order, epoch after epoch",
}
SCALES: dict[Scale, str] = {
    "standard": "mean 0, standard deviation 1",
    "minmax": "smallest value 0, largest 1",
    "none": "as in the file",
}
MODELS: dict[str, str] = {
    "mlp": "a multi-layer perceptron: layers of --hidden units with ReLU between them",
    "cnn": "a small convolutional network: two convolutions with ReLU and pooling, then one linear layer",
    "FILE.py[:NAME]": "your own: a function (`model` by default) that returns an nn.Module",
}
DATASETS: dict[str, str] = {
    "digits": "1,797 handwritten digits of 8x8 pixels, 10 classes",
    "breast-cancer": "569 tumours by 30 measurements, 2 classes",
    "wine": "178 wines by 13 measurements, 3 classes",
    "iris": "150 flowers by 4 measurements, 3 classes",
    "diabetes": "442 patients by 10 measurements; the disease's progression, a quantity",
    "synthetic": "as many as --examples says by 64 features, 10 classes, made from the seed",
}
PLANES: dict[PlaneKind, str] = {
    "pca": "the two directions in which the runs have moved most so far",
    "random": "two random directions, each filter as long as the model's (Li et al. 2018)",
    "heads": "through where the runs are now",
}
