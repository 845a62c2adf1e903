"""Find the best candidate before the time is up.

Read ``splits`` (rows that train and validate), ``eligible`` (settings, and families that are searched), ``baseline``
(simple models), ``scoring`` (scores from stored predictions), ``steps`` and ``jobs`` (the records), ``evaluate`` (one
candidate on one split: pure and picklable), ``memory`` (results of earlier fits); then the decisions: ``compare``
(candidates judged on different splits), ``costs`` (expected seconds, pace, threads), ``entrants`` (families in the
race), ``scheduler`` (the next step) and ``untimed`` (the same without a clock); ``study`` (what is sampled, and what
Optuna shows), ``storage``, ``claims``, ``journal`` and ``resume`` (a search that outlives its process and is shared),
``loop`` (who asks and tells), ``dispatch`` (jobs on the engine that runs them), ``kept_models``; at last ``selection``,
``ensemble``, ``refit`` and ``averages`` (the final model), ``calibration``, ``estimate``, ``leaderboard``, and ``run``
(the order of all this).
"""
