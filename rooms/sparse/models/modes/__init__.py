"""Few damped oscillations that explain a trace, a field or a trajectory."""
