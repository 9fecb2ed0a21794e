#pragma once

#include "data/loader.hpp"
#include "kernels/execution.hpp"
#include "model/network.hpp"
#include "train/config.hpp"
#include "train/trainer.hpp"

namespace jetcal::train {

/// Copies all jets of a resident loader to the memory of a CUDA device, if they fit there beside
/// what the recipe's steps need, and tells the listener in one line which it is. True if they are
/// there.
///
/// Errors    DeviceError if a step's working memory alone does not fit
bool make_jets_resident(Recipe const& recipe, model::Network const& network,
                        data::Loader const& loader, Execution& execution, Listener& listener);

}  // namespace jetcal::train
