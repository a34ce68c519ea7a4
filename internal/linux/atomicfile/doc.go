// Package atomicfile replaces files so that whoever reads them, and whatever
// the moment of a crash, sees the whole old content or the whole new one.
//
// It exists beside google/renameio because a configuration file needs more than
// a rename: the directory synced, the owner, mode and extended attributes (the
// SELinux label among them) of the old file kept, a symbolic link followed
// rather than replaced, and no temporary file left by a kill or a full disk.
//
// New content goes to a file without a name (O_TMPFILE, open(2)) in the
// target's directory, which the kernel frees by itself if the process dies. It
// gets a name only once its data is on the disk. Where the target exists, that
// name is for an instant the one that TempName gives, then it is renamed onto
// the target; file systems without O_TMPFILE write under TempName from the
// start. Write and Remove take away a file of that name left by an earlier kill.
//
// Calls for different paths may run at the same time. Calls for one path must
// not: the agent's host lock sees to that.
package atomicfile
