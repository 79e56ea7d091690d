//! Wrong planners.
