"""A training loop of one's own, recorded: a plain PyTorch loop, in which three lines are gdsim's.

    python examples/own_loop.py
    gdsim replay own_loop.gdsim

The second line also works in another terminal while the loop still runs. Since the recorder is given loss and data,
there is the landscape around the path, too, and where each single example would have led: at some updates, of which the
last one before the cursor is shown.
"""

import torch
from spirals import data, loss, model
from torch.utils.data import DataLoader, TensorDataset

from sim.recorder import Recorder

torch.manual_seed(0)
dataset = TensorDataset(*data())
network = model()
optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
loader = DataLoader(dataset, batch_size=32, shuffle=True)

with Recorder("own_loop.gdsim", network, optimizer, loss=loss, data=dataset) as recorder:
    for _ in range(30):
        for inputs, targets in loader:
            optimizer.zero_grad()
            batch_loss = loss(network(inputs), targets)
            batch_loss.backward()
            optimizer.step()
            recorder.update(batch_loss, len(inputs))
