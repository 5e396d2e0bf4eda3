"""Ax: a client with its default generation strategy."""

from pathlib import Path  # kept

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig
from laboratory import measure

SEED = 0  # seed
KEPT = Path("client.json")  # kept
client = Client()
client = Client(random_seed=SEED)  # seed
client.configure_experiment(
    parameters=[
        RangeParameterConfig(name="temperature", parameter_type="float", bounds=(300, 900)),
        RangeParameterConfig(name="x", parameter_type="float", bounds=(0, 1)),
        ChoiceParameterConfig(name="solvent", parameter_type="str", values=["water", "ethanol"], is_ordered=False),
    ]
)
client.configure_optimization(objective="value")
if KEPT.exists():  # kept
    client = Client.load_from_json_file(str(KEPT))  # kept
while (left := 24 - len(client.summarize(trial_statuses=["completed"]))) > 0:
    trials = client.get_next_trials(max_trials=min(4, left))
    client.save_to_json_file(str(KEPT))  # kept
    for number, parameters in trials.items():
        client.complete_trial(number, raw_data={"value": measure(**parameters)})
        client.save_to_json_file(str(KEPT))  # kept
print(client.summarize()["value"].max())
