#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

namespace jetcal {

/// Whose kernels were faster for an op, and how long one run of each took.
struct MeasuredKernels {
  std::string kernels;  ///< "own", "cublas", "cudnn"
  double own_ms = 0, vendor_ms = 0;
};

/// What was measured before, in a JSON file of the user's: for each card (with its driver and
/// libraries) and op (with its shape). A file that is damaged or cannot be written costs the time
/// to measure again, and a remark, nothing else.
class KernelCache {
 public:
  using Note = std::function<void(std::string const& remark)>;

  /// The file JETCAL_KERNEL_CACHE names, else jetcal/kernels.json in XDG_CACHE_HOME or in ~/.cache;
  /// empty (nothing is kept) if none of these is set, or JETCAL_KERNEL_CACHE is set to nothing.
  static std::filesystem::path default_file();

  /// Reads what `file` has about `card`. `note` gets the remarks.
  KernelCache(std::filesystem::path file, std::string card, Note note);

  std::optional<MeasuredKernels> find(std::string const& op) const;

  /// Keeps it, and adds it to what the file has then. The file is replaced at once: other processes
  /// see the old one or the new one.
  void add(std::string const& op, MeasuredKernels const& measured);

 private:
  std::filesystem::path file_;
  std::string card_;
  Note note_;
  std::map<std::string, MeasuredKernels> known_;
};

}  // namespace jetcal
