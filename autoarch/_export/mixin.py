"""Methods of the estimators that write a fitted model to files."""

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

    def to_onnx(self, path: Any) -> None:
        """Write the final model as one ONNX graph, which onnxruntime predicts with, without autoarch or Python.

        Linear models, trees (of scikit-learn, LightGBM, XGBoost and CatBoost), dense and convolutional nets, random
        convolutions and means of them can be written. Arrays are one input ``X`` of single precision in the shape that
        ``fit`` saw; a table has an input of one column for each of its columns: numbers of single precision, NaN where
        they are missing, texts, empty where they are missing, and dates as seconds since 1970 by the wall clock, of
        double precision. The outputs are ``label`` and ``probabilities``, calibrated as those of ``predict_proba``, or
        ``value``.

        Parameters
        ----------
        path : str or Path
            Where to, such as ``"model.onnx"``. A file of that name is replaced.

        Raises
        ------
        NotFittedError
            If there is no fitted model.
        InputError
            If there is no folder for the file.
        MissingExtraError
            If onnx is missing: ``pip install 'autoarch[onnx]'``.
        ModelFileError
            If a part of the model has no counterpart in ONNX; the message names it.
        """
        from autoarch._export.onnx_file import write_onnx

        write_onnx(self, path)
