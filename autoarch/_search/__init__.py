"""Find the best candidate before the time is up.

Read ``budget`` (one clock), ``scoring`` (scores from stored predictions), ``job`` (the words between parent and
workers), ``evaluate`` (one candidate on the splits: pure and picklable), ``cache`` (results of earlier fits),
``baseline`` and ``prelude`` (what comes before the first trial), ``policy`` (which family next), ``study`` (Optuna's
side), ``loop`` (the only ask and tell), ``outcome`` (leaderboard and honest estimate), ``refit`` (the winner on all
rows), ``run`` (the order of all this), ``progress`` and ``quiet`` (what the user sees and does not).
"""
