"""Three torch networks, a goal, a loop: `python examples/own_loop.py`.

The networks are not trained; their accuracies are made up for the example.
"""

import torch
from torch import nn

import alert


def network(width: int) -> nn.Module:
    """Return an untrained convolutional network."""
    layers = [
        *(nn.Conv2d(3, width, 3, stride=2), nn.ReLU()),
        *(nn.Conv2d(width, width, 3, stride=2), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)),
    ]
    return nn.Sequential(*layers).eval()


def main() -> None:
    """Measure a profile, set a goal and run 300 inputs."""
    torch.set_num_threads(1)
    models = {"small": network(8), "medium": network(24), "large": network(64)}
    accuracy = {"small": 0.71, "medium": 0.76, "large": 0.80}
    example = torch.rand(1, 3, 224, 224)

    profile = alert.Profile.measure(models, example, accuracy=accuracy, max_seconds=0.5)
    print(profile)

    deadline = 3 * float(profile.latency[-1].min())  # three times the largest at full power
    goal = alert.Goal.min_energy(deadline=deadline, accuracy=0.75)
    with alert.Runner(models, profile, goal) as runner:
        for _ in range(300):
            runner(torch.rand(1, 3, 224, 224))
        print(runner.report())


if __name__ == "__main__":
    main()
