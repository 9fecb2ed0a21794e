#pragma once

#include <chrono>
#include <cstdint>

#include "train/trainer.hpp"

namespace jetcal::tools {

/// Says on stderr how a run goes: a bar that is drawn over itself on a terminal, a plain line an
/// epoch otherwise.
class ProgressPrinter final : public train::Listener {
 public:
  ProgressPrinter();
  ~ProgressPrinter() override;

  void note(std::string const& text) override;
  void warning(std::string const& text) override;
  void progress(train::Progress const& progress) override;
  void epoch(Json const& line) override;

 private:
  void clear_bar();

  bool terminal_;
  bool bar_drawn_ = false;
  std::chrono::steady_clock::time_point last_;
  train::Progress now_;
};

}  // namespace jetcal::tools
