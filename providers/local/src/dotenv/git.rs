//! Whether git would carry a file away. Only a warning follows, so that every doubt ends in "perhaps".

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// A repository on a slow disk must not hold up a rotation.
const PATIENCE: Duration = Duration::from_secs(2);

/// A sentence for people where git tracks the file, or would add it.
pub(super) async fn warning(file: &Path) -> Option<String> {
    let repository = repository_of(file)?;
    let ignored = match asked(file).await {
        Some(ignored) => ignored,
        None => is_listed(file, &repository),
    };
    let shown = file.display();
    (!ignored).then(|| {
        format!(
            "git tracks `{shown}` or would add it: list it in `.gitignore`, and `git rm --cached` it if it is \
             tracked"
        )
    })
}

/// The nearest folder upwards that has a `.git`.
fn repository_of(file: &Path) -> Option<PathBuf> {
    let mut above = file.ancestors().skip(1);
    above
        .find(|folder| folder.join(".git").exists())
        .map(Path::to_owned)
}

/// Asks git, if there is one. It exits 0 for an ignored file and 1 for one that it tracks or would add
/// (git-check-ignore(1)); any other answer is none. Programs named in the repository's own configuration are
/// not run.
async fn asked(file: &Path) -> Option<bool> {
    let git = git_in(&std::env::var_os("PATH")?)?;
    let child = Command::new(git)
        .args([
            "-c",
            "core.fsmonitor=false",
            "check-ignore",
            "--quiet",
            "--",
        ])
        .arg(file.file_name()?)
        .current_dir(file.parent()?)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status();
    let status = tokio::time::timeout(PATIENCE, child).await.ok()?.ok()?;
    match status.code() {
        Some(0) => Some(true),
        Some(1) => Some(false),
        _ => None,
    }
}

fn git_in(path: &OsString) -> Option<PathBuf> {
    let candidates = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    candidates
        .map(|folder| folder.join("git"))
        .find(|git| git.is_file())
}

/// Without git: whether a `.gitignore` between file and repository names the file plainly.
fn is_listed(file: &Path, repository: &Path) -> bool {
    let Some(name) = file.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let names = |folder: &Path| {
        let text = std::fs::read_to_string(folder.join(".gitignore")).unwrap_or_default();
        text.lines()
            .any(|line| line.trim().trim_start_matches('/') == name)
    };
    let mut folders = file.ancestors().skip(1);
    folders.any(|folder| folder.starts_with(repository) && names(folder))
}

#[cfg(test)]
mod tests {
    use super::{asked, is_listed, repository_of, warning};
    use std::fs;

    #[tokio::test]
    async fn an_ignored_file_passes_and_another_warns() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("app/.env");
        fs::create_dir(root.path().join("app")).unwrap();
        fs::write(&file, "").unwrap();
        assert_eq!(warning(&file).await, None);
        fs::create_dir(root.path().join(".git")).unwrap();
        assert_eq!(repository_of(&file).as_deref(), Some(root.path()));
        assert!(warning(&file).await.unwrap().contains(".gitignore"));
        fs::write(root.path().join(".gitignore"), "# mine\n.env\n").unwrap();
        assert_eq!(warning(&file).await, None);
        assert!(is_listed(&file, root.path()));
    }

    /// Where git is installed its own answer counts, patterns included.
    #[tokio::test]
    async fn git_itself_is_asked_where_it_is_installed() {
        let root = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("git")
            .args(["init", "--quiet"])
            .current_dir(root.path())
            .status();
        if !made.is_ok_and(|status| status.success()) {
            return;
        }
        let file = root.path().join(".env.local");
        assert_eq!(asked(&file).await, Some(false));
        fs::write(root.path().join(".gitignore"), ".env.*\n").unwrap();
        assert_eq!(asked(&file).await, Some(true));
        assert_eq!(warning(&file).await, None);
    }
}
