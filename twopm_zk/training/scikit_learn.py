"""What the estimators take from scikit-learn, or an error that says what to install."""

from twopm_zk.errors import ToolMissingError

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data
except ImportError as error:
    raise ToolMissingError(
        "the estimators need the package scikit-learn", hint="Run `pip install 'twopm-zk[sklearn]'`."
    ) from error

__all__ = [
    "BaseEstimator",
    "ClassifierMixin",
    "ConvergenceWarning",
    "RegressorMixin",
    "check_classification_targets",
    "check_is_fitted",
    "column_or_1d",
    "validate_data",
]
