"""Views of a fitted estimator: a summary, notebook and HTML pages, tables as scikit-learn's searches have them."""
