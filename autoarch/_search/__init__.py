"""Find the best candidate before the time is up.

Read ``splits`` (rows that train and validate), ``eligible`` (families that are searched, and the probe), ``baseline``
(the first model), ``scoring`` (scores from stored predictions), ``job`` (the records between parent and workers),
``evaluate`` (one candidate on the splits: pure and picklable), ``memory`` (results of earlier fits), ``policy`` (the
next family), ``study`` (Optuna's side), ``loop`` (the only ask and tell), ``estimate`` (leaderboard and an unbiased
estimate of the score), ``ensemble`` and ``refit`` (the final model on all rows), ``run`` (the order of all this).
"""
