"""WizardArena: the data's way, which is also the order of the rooms.

    Instruction -> Pick -> Response -> Judgement -> Battle -> Rating -> Consistency      (evaluation)
    Battle -> Example -> Round -> Contender, and back to battles                           (learning)

testsets   turns instructions into versioned test sets and training splits,
battles    lets contenders answer them and a judge score every pair in both seat orders,
ratings    turns battles into leaderboards and holds them against human rankings,
flywheel   turns lost battles into training data and a stronger contender.

Underneath stand records (what we keep), store (the one door to DuckDB), jobs (long work in its
own process) and backends (how we speak to a language model). `loop` runs one whole iteration.
"""
