"""Ax: its service client with the default generation strategy."""

from ax.api.client import Client
from ax.api.configs import RangeParameterConfig
from pipe import Pipe

pipe = Pipe()
names = [f"x{number}" for number in range(pipe.dimensions)]
client = Client(random_seed=pipe.seed)
client.configure_experiment(
    parameters=[RangeParameterConfig(name=name, parameter_type="float", bounds=(0.0, 1.0)) for name in names],
    parameter_constraints=[] if pipe.most is None else [f"{' + '.join(names)} <= {pipe.most}"],
)
client.configure_optimization(objective="-value")
if pipe.points:
    client.configure_generation_strategy(initialization_budget=0)
for point, value in zip(pipe.points, pipe.values, strict=True):
    number = client.attach_trial(parameters=dict(zip(names, point, strict=True)))
    client.complete_trial(number, raw_data={"value": value})
while True:
    for number, parameters in client.get_next_trials(max_trials=1).items():
        client.complete_trial(number, raw_data={"value": pipe.evaluate([parameters[name] for name in names])})
