// SPAN: Swift Parameter-free Attention Network (Wan et al. 2023, arXiv:2311.12770).
#pragma once

#include <array>

#include "model/family.h"

namespace esrgan {

constexpr float span_range = 255;  // what the published networks are fed with
constexpr std::array<float, 3> span_means{0.4488F, 0.4371F, 0.4040F};  // of DIV2K

struct SpanDetails : FamilyDetails {
  bool centred = false;  ///< colours are centred and multiplied by 255 first

  std::string summary() const override { return centred ? ", centred colours" : ""; }
};

/// Of an architecture of this family.
const SpanDetails& span_details(const Architecture& architecture);

}  // namespace esrgan
