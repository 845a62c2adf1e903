"""What the estimators offer to keep a fitted model: ``save``."""

from __future__ import annotations

from typing import Any


class KeptModel:
    """Methods that write a fitted estimator to files."""

    def save(self, path: Any) -> None:
        """Write the fitted model to one file, without pickle; :func:`autoarch.load` reads it.

        It is an archive of JSON, safetensors and skops, and predicts the same to the last digit. The search is not in
        it, and of the training rows only those that the winner predicts from.

        Parameters
        ----------
        path : str or Path
            Where to, such as ``"model.autoarch"``. A file of that name is replaced.

        Raises
        ------
        NotFittedError
            If there is no fitted model.
        InputError
            If there is no folder for the file.
        MissingExtraError
            If skops or safetensors is missing: ``pip install 'autoarch[files]'``.
        ModelFileError
            If a part of the model is of a type that files may not hold, such as a plug-in's own.
        """
        from autoarch._export.model_file import save

        save(self, path)
