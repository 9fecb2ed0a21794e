#pragma once

#include "data/loader.hpp"
#include "kernels/execution.hpp"
#include "model/network.hpp"
#include "train/config.hpp"
#include "train/trainer.hpp"

namespace jetcal::train {

/// Takes the memory of a CUDA device that the recipe's steps need, `beside` bytes and the bins'
/// and their histograms aside, and copies all jets of a resident loader there if they fit as well.
/// Tells the listener in one line which it is. True if the jets are there.
///
/// Errors    DeviceError if the steps alone do not fit
bool make_jets_resident(Recipe const& recipe, model::Network const& network,
                        data::Loader const& loader, std::int64_t beside, Execution& execution,
                        Listener& listener);

}  // namespace jetcal::train
