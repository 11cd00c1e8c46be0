// Edits: a builder that was made from a model (blok_builder_from) is changed and finished into a
// new model. The model that was handed in stays as it is, and its weights are shared.
//
// What an edit does not touch stays node for node as it was imported. A block that is edited is
// written anew from its descriptor, in the model's own operator set. An edit that fails leaves the
// builder as it was before it.
//
// Blocks are named as blok_block.name has them. Where two have one name the first is meant, and
// "name#2" the second. The parts of a block that was written anew have canonical names from then on
// (layer1.0.conv1, layer1.0.skip).
//
//   blok_builder *b = NULL;
//   if (blok_builder_from(model, NULL, &b, &error)) ...
//   if (blok_edit_head(b, 10, &error)) ...
//   if (blok_builder_finish(&b, &edited, &error)) ...
//   blok_builder_free(&b);
#ifndef BLOK_EDIT_H
#define BLOK_EDIT_H

#include <blok/build.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Inputs, cuts, names ------------------------------------------------------------------------

// Declares the input anew: each axis a number, a symbol or unknown (blok_axis). What an exporter
// baked in of the old first axis (the targets of Reshape and Expand) follows where it provably
// meant the batch. All shapes of inner values are dropped from the file and inferred again.
// BLOK_E_SHAPE, with the node's name, where the network does not fit the new shape.
BLOK_API BLOK_MUST_CHECK blok_status blok_edit_input(blok_builder *builder, const char *name,
                                                     uint32_t rank, const blok_axis *axes,
                                                     blok_error *error);
// The first axis of every input: size, or with 0 open under symbol (NULL: "N").
BLOK_API BLOK_MUST_CHECK blok_status blok_edit_batch(blok_builder *builder, int64_t size,
                                                     const char *symbol, blok_error *error);

// Keeps what lies between: inputs become the model's inputs in this order, outputs its outputs;
// count 0 leaves the old ones. What nothing needs any more goes. BLOK_E_ARGUMENT: an output that
// needs an old input which is not among inputs, an input that no output needs; the message names
// both ends.
BLOK_API BLOK_MUST_CHECK blok_status blok_edit_cut(blok_builder *builder, const char *const *inputs,
                                                   size_t input_count, const char *const *outputs,
                                                   size_t output_count, blok_error *error);

// Renames a value, weight or node. BLOK_E_ARGUMENT: the new name is taken; BLOK_E_NOT_FOUND:
// nothing is called from.
BLOK_API BLOK_MUST_CHECK blok_status blok_edit_rename(blok_builder *builder, const char *from,
                                                      const char *to, blok_error *error);

// ---- Weights and layers -------------------------------------------------------------------------

// Replaces the last linear layer (Gemm, MatMul and Add, or a 1x1 convolution before a pool or
// flatten) by a fresh one of so many classes, its weights drawn from the builder's seed under the
// old names. BLOK_E_ARGUMENT: the model ends in no such layer, with the node that it ends in.
BLOK_API BLOK_MUST_CHECK blok_status blok_edit_head(blok_builder *builder, int32_t classes,
                                                    blok_error *error);

// Folds batch norms into the convolutions (and linear layers) before them. *folded gets their
// number; a norm that has no such layer before it stays. NULL: not wanted.
BLOK_API BLOK_MUST_CHECK blok_status blok_edit_fold_norms(blok_builder *builder, size_t *folded,
                                                          blok_error *error);

// ---- Blocks -------------------------------------------------------------------------------------

// Puts activation to in the place of from, however from is spelled: everywhere, or in the one block
// that is called block; in the squeeze-excites there too, whose gates are sigmoids and hard
// sigmoids like others. alpha and beta as in blok_conv_desc. *changed gets their number; NULL: not
// wanted. BLOK_E_NOT_FOUND: no such block.
BLOK_API BLOK_MUST_CHECK blok_status blok_edit_activation(blok_builder *builder, const char *block,
                                                          blok_activation from, blok_activation to,
                                                          double alpha, double beta,
                                                          size_t *changed, blok_error *error);

// Puts a squeeze-excite (se_* of options) into every residual, bottleneck and inverted bottleneck
// that has none, or into the one called block. *changed gets their number; NULL: not wanted.
BLOK_API BLOK_MUST_CHECK blok_status blok_edit_squeeze_excite(blok_builder *builder,
                                                              const char *block,
                                                              const blok_block_options *options,
                                                              size_t *changed, blok_error *error);

// Writes the block anew from desc, of the block's own kind. Weights whose dims stay the same are
// kept; the others, and new ones, are drawn from the builder's seed. *redrawn gets the number of
// those; NULL: not wanted. BLOK_E_NOT_FOUND: no such block; BLOK_E_SHAPE: what follows does not fit
// what the new block makes.
BLOK_API BLOK_MUST_CHECK blok_status blok_edit_residual(blok_builder *builder, const char *block,
                                                        const blok_residual_desc *desc,
                                                        size_t *redrawn, blok_error *error);
BLOK_API BLOK_MUST_CHECK blok_status blok_edit_conv(blok_builder *builder, const char *block,
                                                    const blok_conv_desc *desc, size_t *redrawn,
                                                    blok_error *error);
BLOK_API BLOK_MUST_CHECK blok_status blok_edit_se(blok_builder *builder, const char *block,
                                                  const blok_se_desc *desc, size_t *redrawn,
                                                  blok_error *error);

// Writes every outermost block anew from its descriptor.
BLOK_API BLOK_MUST_CHECK blok_status blok_edit_rewrite(blok_builder *builder, blok_error *error);

#ifdef __cplusplus
}
#endif
#endif  // BLOK_EDIT_H
