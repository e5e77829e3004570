"""Running a loop of inputs: the runner, its energy meter, its cost of switching, its report."""
