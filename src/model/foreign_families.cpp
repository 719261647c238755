#include "model/foreign_families.h"

#include <algorithm>

namespace esrgan {
namespace {

using Names = std::string_view;

// Source of the names: the networks' published code, as spandrel 0.4 (PyPI) lists them. What is more
// particular comes first: HAT, ATD and Swin2SR have SwinIR's tensors, too.
constexpr Names hat[] = {"layers.0.residual_group.overlap_attn.relative_position_bias_table"};
constexpr Names atd[] = {"layers.0.residual_group.layers.0.attn_atd.scale"};
constexpr Names craft[] = {"layers.0.residual_group.hf_blocks.0.attn.temperature"};
constexpr Names drct[] = {"layers.0.swin1.attn.relative_position_bias_table"};
constexpr Names swin2sr[] = {"layers.0.residual_group.blocks.0.attn.logit_scale"};
constexpr Names swinir[] = {"layers.0.residual_group.blocks.0.attn.relative_position_index"};
constexpr Names grl[] = {"layers.0.blocks.0.attn.window_attn.attn_transform.logit_scale"};
constexpr Names rgt[] = {"layers.0.blocks.0.attn.attns.0.rpe_biases", "layers.0.blocks.0.gamma"};
constexpr Names dat[] = {"layers.0.blocks.0.attn.attns.0.rpe_biases"};
constexpr Names fdat[] = {"groups.0.blocks.0.inter.cg.1.weight"};
constexpr Names omnisr[] = {"residual_layer.0.residual_layer.0.layer.0.fn.0.weight"};
constexpr Names realplksr[] = {"feats.1.lk.conv.weight", "feats.1.channel_mixer.0.weight"};
constexpr Names plksr[] = {"feats.1.refine.weight"};
constexpr Names mosr[] = {"gblocks.1.fc1.weight"};
constexpr Names moesr[] = {"blocks.0.blocks.0.conv.dwconv_hw.weight"};
constexpr Names safmn[] = {"feats.0.safm.mfr.0.weight"};
constexpr Names seemore[] = {"body.0.local_block.block.moe_layer.experts.0.conv_1.weight"};
constexpr Names rcan[] = {"body.0.body.0.body.3.conv_du.0.weight"};
constexpr Names realcugan[] = {"unet1.conv1.conv.0.weight", "unet2.conv_bottom.weight"};
constexpr Names mm_realsr[] = {"de_net.conv_first.0.weight", "body.0.rdb1.conv1.weight"};
constexpr Names gfpgan[] = {"stylegan_decoder.style_mlp.1.weight"};
constexpr Names codeformer[] = {"quantize.embedding.weight", "fuse_convs_dict.32.scale.0.weight"};
constexpr Names restoreformer[] = {"quantize.embedding.weight", "quant_conv.weight"};
constexpr Names nafnet[] = {"middle_blks.0.sca.1.weight"};
constexpr Names restormer[] = {"encoder_level1.0.attn.qkv_dwconv.weight"};
constexpr Names scunet[] = {"m_head.0.weight", "m_tail.0.weight"};
constexpr Names drunet[] = {"m_head.weight", "m_tail.weight"};
constexpr Names edsr[] = {"head.0.weight", "body.0.body.0.weight", "tail.0.0.weight"};

constexpr ForeignFamily table[] = {{"HAT", hat},
                                   {"ATD", atd},
                                   {"CRAFT", craft},
                                   {"DRCT", drct},
                                   {"Swin2SR", swin2sr},
                                   {"SwinIR", swinir},
                                   {"GRL", grl},
                                   {"RGT", rgt},
                                   {"DAT", dat},
                                   {"FDAT", fdat},
                                   {"OmniSR", omnisr},
                                   {"RealPLKSR", realplksr},
                                   {"PLKSR", plksr},
                                   {"MoSR", mosr},
                                   {"MoESR", moesr},
                                   {"SAFMN", safmn},
                                   {"SeemoRe", seemore},
                                   {"RCAN", rcan},
                                   {"Real-CUGAN", realcugan},
                                   {"MM-RealSR", mm_realsr},
                                   {"GFPGAN", gfpgan},
                                   {"CodeFormer", codeformer},
                                   {"RestoreFormer", restoreformer},
                                   {"NAFNet", nafnet},
                                   {"Restormer", restormer},
                                   {"SCUNet", scunet},
                                   {"DRUNet", drunet},
                                   {"EDSR", edsr}};

}  // namespace

std::span<const ForeignFamily> foreign_families() {
  return table;
}

std::string_view foreign_family_of(const Contents& contents) {
  for (const ForeignFamily& family : table)
    if (std::all_of(family.tensors.begin(), family.tensors.end(),
                    [&](Names name) { return contents.has(name); }))
      return family.name;
  return {};
}

}  // namespace esrgan
