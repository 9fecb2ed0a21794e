#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "engine/errors.hpp"

namespace jetcal {

/// Files in which a changed, missing or added bit anywhere is noticed before anything interprets
/// them: a block of 512 bytes, then the payload. The block is text: a magic line, the format's
/// version, what kind of file it is, the payload's length and an XXH3-128 digest of block (with
/// zeros for the digest) and payload, filled up with newlines. An HDF5 payload made with a user
/// block of this size stays readable for every HDF5 program.
inline constexpr std::size_t kSealBytes = 512;

/// The block that belongs in front of `payload`. `kind` is a word such as "model".
///
/// Errors    Error if the kind is empty, longer than 32 characters, or not lower-case letters and
///           dashes
std::string seal_block(std::string const& kind, std::span<std::byte const> payload);

/// What a sealed file holds, checked.
struct SealedContent {
  std::string kind;
  std::vector<std::byte> payload;  ///< without the block
};

/// Checks block and payload of a sealed file's bytes.
///
/// Errors    DataError, starting with `where`, that says what is wrong: not a sealed file, another
///           version, truncated, bytes added, or damaged
SealedContent unseal(std::span<std::byte const> file, std::string const& where);

/// Reads a file and checks it. Errors: those of unseal(), DataError if it cannot be read or is of
/// another kind than `kind`.
std::vector<std::byte> read_sealed(std::filesystem::path const& path, std::string const& kind);

/// The kind of a sealed file after a full check. Errors: as read_sealed().
std::string sealed_kind(std::filesystem::path const& path);

/// Does the file start as a sealed file does? Says nothing about damage; false if unreadable.
bool looks_sealed(std::filesystem::path const& path);

/// Puts block and payload at `path` at once: see write_atomically().
void write_sealed(std::filesystem::path const& path, std::string const& kind,
                  std::span<std::byte const> payload);

/// Replaces the file at `path` by `parts`, one after the other, or leaves it as it was: they go to
/// a temporary file in the same folder, which is synchronised with the disk, renamed, and the
/// folder synchronised.
///
/// Errors    DataError that says what failed (no space, no permission, no such folder); the
///           temporary file is removed and an older file at `path` untouched
void write_atomically(std::filesystem::path const& path,
                      std::vector<std::span<std::byte const>> const& parts);
void write_atomically(std::filesystem::path const& path, std::string const& text);

/// Removes what write_atomically() left in a folder when its process was killed. Nobody else may be
/// writing there.
void remove_temporaries(std::filesystem::path const& folder);

/// All bytes of a file. Errors: DataError if it cannot be read.
std::vector<std::byte> read_bytes(std::filesystem::path const& path);

}  // namespace jetcal
