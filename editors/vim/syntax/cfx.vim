" Vim syntax file. Language: cfx. Written by editors/generate.py.
if exists('b:current_syntax')
  finish
endif

syn case match
syn match cfxKeyword /^\s*\zs\%(cfx\|experiment\|use\|axis\|param\|let\|dataset\|network\|layer\|recipe\|model\|stages\|density\|analysis\|figure\|claim\|extern\|variant\)\ze\s\+[A-Za-z0-9_"]/
syn keyword cfxConditional if then else
syn keyword cfxOperatorWord and or not except as
syn keyword cfxBoolean true false
syn keyword cfxConstant none all first last classes dim
syn keyword cfxType int real bool text option
" analysis
syn match cfxBuiltin /\%(\.\)\@1<!\<\%(abs\|add\|align\|all\|any\|at_best\|auc\|best\|bootstrap\|both\|calibration\|choose\|cluster\|clusters\|count\|curve_area\|describe\|divide\|either\|equal\|exp\|f_score_of\|field\|greater\|greater_equal\|histogram\|kendall\|largest_gap\|less\|less_equal\|log\|maximum\|mean\|median\|minimum\|mode\|multiply\|negate\|negation\|not_equal\|only\|own_class\|pearson\|permutation_test\|pick\|power\|quantile\|rank\|round\|selection\|share\|spearman\|split_at_largest_gap\|sqrt\|standard_error\|std\|subtract\|table\|threshold\|total\)\>\%(\s*:\)\@!/
" data
syn match cfxBuiltin /\%(\.\)\@1<!\<\%(add_noise\|among\|arrays\|cifar10\|cifar100\|corpus\|corrupt_labels\|digits\|folds\|highest\|idx\|image_folder\|label\|load_scores\|lowest\|mnist\|of_class\|quantile_bins\|relabel\|sample\|split\|subset\|union\|where\|with_ids\|without\)\>\%(\s*:\)\@!/
" density
syn match cfxBuiltin /\%(\.\)\@1<!\<\%(block_gibbs\|classify\|co_clustering\|density_summary\|diagnose\|diagonal\|dp_mixture\|fixed\|gamma\|generative_classification\|gibbs\|hierarchical\|kl_divergence\|log_density\|merge_split\|mixing\|niw\|niw_fixed\|relative_entropy\|sample_density\|spherical\|split_merge\|stacking\|sub_clusters\|trace\)\>\%(\s*:\)\@!/
" figures
syn match cfxBuiltin /\%(\.\)\@1<!\<\%(bands\|bars\|curves\|distribution\|heatmap\|images\|profile\|scatter\)\>\%(\s*:\)\@!/
" layers
syn match cfxBuiltin /\%(\.\)\@1<!\<\%(avg_pool\|batch_norm\|class_token\|concat\|conv\|conv_transposed\|dropout\|dropout_channels\|each\|embedding\|feed_forward\|flatten\|gelu\|global_mean\|group_norm\|identity\|latent\|layer_norm\|leaky_relu\|linear\|lstm\|max_pool\|named\|numbered\|position_embedding\|relu\|repeat\|reshape\|residual\|self_attention\|sigmoid\|softmax\|subsample_pad\|tanh\|token\|tokens\|transpose\|unnamed\|upsample\)\>\%(\s*:\)\@!/
" networks
syn match cfxBuiltin /\%(\.\)\@1<!\<\%(basic_block\|basic_resnet\|basic_stage\|bottleneck_block\|bottleneck_stage\|cifar_resnet\|cifar_stem\|convnet11\|dcgan\|deconvolution\|dense\|drop\|encoder_block\|imagenet_stem\|lstm_classifier\|lstm_lm\|mixer\|mixer_b\|mixer_block\|mixer_s\|mlp\|padded_block\|padded_stage\|patch_embedding\|plain11\|plain8\|plain_conv\|projection\|random_input\|resnet110\|resnet18\|resnet20\|resnet32\|resnet34\|resnet44\|resnet50\|resnet56\|resnet_stem\|tiny_mixer\|tiny_resnet\|tiny_vit\|vgg\|vgg11\|vgg13\|vgg16\|vgg_hidden\|vgg_stage\|vit\|vit_b\|vit_s\|vit_ti\)\>\%(\s*:\)\@!/
" probes
syn match cfxBuiltin /\%(\.\)\@1<!\<\%(ablate\|ablate_each\|ablation_area\|certify\|class_selectivity\|influence\|memorization\|memorization_error\|mutual_information\|output_divergence\|perturb\|random\|trial_outcome\|unit_correlation\)\>\%(\s*:\)\@!/
" recipes
syn match cfxBuiltin /\%(\.\)\@1<!\<\%(feldman_zhang\|feldman_zhang_published\|gu_tresp\|gu_tresp_augmented\|gu_tresp_random\|smoothed_feldman_zhang\|without_augmentation\)\>\%(\s*:\)\@!/
" representations
syn match cfxBuiltin /\%(\.\)\@1<!\<\%(canonical_correlations\|canonical_directions\|captured_energy\|cca\|cka\|class_means\|cosine_distance\|dimension\|euclidean_distance\|gaussian_stages\|join\|linear\|load_stages\|matched_gaussian\|mean_distance\|procrustes\|rbf\|spectrum\|svd\|units\)\>\%(\s*:\)\@!/
" training
syn match cfxBuiltin /\%(\.\)\@1<!\<\%(accuracy\|adam\|adamw\|by_norm\|by_value\|confidence\|confusion\|constant\|correct\|cosine\|crop\|every\|example_loss\|f_score\|flip\|gaussian_noise\|generate\|history\|import_weights\|input_gradient\|loss\|margin\|maximize_activation\|one_cycle\|patience\|predicted\|probability\|project\|sam\|sgd\|snapshot\|step\|tap\|train\|train_gan\|triangular\|untrained\|when\)\>\%(\s*:\)\@!/
syn match cfxParameter /\<[A-Za-z_]\w*\ze\s*:/
syn match cfxNumber /\%(\.\|\w\)\@1<!\d\+\%(\.\d\+\)\?\%([eE][+-]\?\d\+\)\?[%kM]\?\%(\w\)\@!/
syn match cfxOperator /->\|\.\.\|==\|!=\|<=\|>=/
syn region cfxString start=/"/ skip=/\\./ end=/"/ oneline contains=cfxEscape
syn match cfxEscape /\\./ contained
syn match cfxComment /#.*$/ contains=@Spell
syn match cfxDocComment /##.*$/ contains=@Spell

hi def link cfxKeyword Keyword
hi def link cfxConditional Conditional
hi def link cfxOperatorWord Operator
hi def link cfxBoolean Boolean
hi def link cfxConstant Constant
hi def link cfxType Type
hi def link cfxBuiltin Function
hi def link cfxParameter Identifier
hi def link cfxNumber Number
hi def link cfxOperator Operator
hi def link cfxString String
hi def link cfxEscape SpecialChar
hi def link cfxComment Comment
hi def link cfxDocComment SpecialComment

let b:current_syntax = 'cfx'
