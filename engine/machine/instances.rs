//! The instances of a step, with what the step is for expressions as long as none of them changes.

use std::ops::{Deref, DerefMut};
use std::sync::OnceLock;

use super::state::Instance;
use crate::template::Value;

/// The instances of a step, to be read and changed as the list that they are.
///
/// What is made of them is kept here and goes with the first change, whoever makes it: there is no other way to them than
/// through [`DerefMut`]. Kept elsewhere it would need a list of all that may change an instance, and one that is forgotten
/// there lets a step run with an old output.
#[derive(Clone, Default)]
pub struct Instances {
    list: Vec<Instance>,
    /// In a run, and in one that is only imagined: other judges may look at the same state.
    made: [OnceLock<Value>; 2],
}

impl Instances {
    /// Returns what `make` made of these instances, now or before.
    pub(super) fn kept(&self, imagined: bool, make: impl Fn() -> Value) -> Value {
        let kept = self.made[usize::from(imagined)].get_or_init(&make).clone();
        #[cfg(test)]
        assert_eq!(
            crate::template::to_json(&kept).ok(),
            crate::template::to_json(&make()).ok(),
            "what is kept is what would be made now"
        );
        kept
    }

    /// Says whether something that was made of them is kept.
    #[cfg(test)]
    pub(super) fn keeps(&self) -> bool {
        self.made.iter().any(|made| made.get().is_some())
    }
}

impl Deref for Instances {
    type Target = Vec<Instance>;

    fn deref(&self) -> &Vec<Instance> {
        &self.list
    }
}

impl DerefMut for Instances {
    fn deref_mut(&mut self) -> &mut Vec<Instance> {
        self.made = Default::default();
        &mut self.list
    }
}

impl From<Vec<Instance>> for Instances {
    fn from(list: Vec<Instance>) -> Instances {
        Instances { list, ..Instances::default() }
    }
}

impl FromIterator<Instance> for Instances {
    fn from_iter<I: IntoIterator<Item = Instance>>(list: I) -> Instances {
        Vec::from_iter(list).into()
    }
}

impl<'a> IntoIterator for &'a Instances {
    type Item = &'a Instance;
    type IntoIter = std::slice::Iter<'a, Instance>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Instances {
    type Item = &'a mut Instance;
    type IntoIter = std::slice::IterMut<'a, Instance>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

/// What is made of them follows from them, and is no part of what they are.
impl PartialEq for Instances {
    fn eq(&self, other: &Instances) -> bool {
        self.list == other.list
    }
}

impl std::fmt::Debug for Instances {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.list.fmt(f)
    }
}
