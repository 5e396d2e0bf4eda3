"""Names that the estimators of sparse models import from scikit-learn, or the error that names the missing package."""

from tansaku.models.domain.errors import MissingComponentError

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise MissingComponentError(
        "sparse models need the package scikit-learn, which is not installed", hint="pip install 'tansaku[sparse]'"
    ) from error

__all__ = [
    "BaseEstimator",
    "ClassifierMixin",
    "MultiOutputMixin",
    "RegressorMixin",
    "check_classification_targets",
    "check_is_fitted",
    "validate_data",
]
