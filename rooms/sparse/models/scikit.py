"""Names that the estimators of sparse models import from scikit-learn, or the error that names the missing package."""

from tansaku.models.domain.errors import installed

with installed("sparse models need the package scikit-learn", hint="pip install 'tansaku[sparse]'"):
    from sklearn.base import BaseEstimator, ClassifierMixin, MultiOutputMixin, RegressorMixin
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = [
    "BaseEstimator",
    "ClassifierMixin",
    "MultiOutputMixin",
    "RegressorMixin",
    "check_classification_targets",
    "check_is_fitted",
    "validate_data",
]
