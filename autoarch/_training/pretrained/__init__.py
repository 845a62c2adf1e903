"""Nets that were trained on other data: what they are, how they are read, fitted to another shape, and trained on.

Read ``pretrained`` (a module and what is known of the data that it saw), ``files`` (to disk and back, without pickle),
``anatomy`` (its first convolution and its last layer, found by running it), ``adapt`` (other channels, sides and
outputs), ``shift`` (are these data like those it saw), ``logme`` (how much its features tell about labels),
``scaling`` (inputs as the net knows them), ``finetune`` (training on, the new head first) and ``rehearse`` (training on
without forgetting).
"""
