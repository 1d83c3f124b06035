;;; cfx-mode.el --- Major mode for cfx scripts -*- lexical-binding: t; -*-

;; Version: 0.2.0
;; Package-Requires: ((emacs "26.1"))
;; Keywords: languages
;; Written by editors/generate.py.

;;; Commentary:

;; Highlighting, comments and indentation for cfx scripts.  `cfx-check' checks the buffer with the command.

;;; Code:

(defgroup cfx nil "Editing cfx scripts." :group 'languages)

(defcustom cfx-command "cfx" "The command." :type 'string :group 'cfx)

(defconst cfx-keywords
  '("cfx"
    "experiment"
    "use"
    "axis"
    "param"
    "let"
    "dataset"
    "network"
    "layer"
    "recipe"
    "model"
    "stages"
    "density"
    "analysis"
    "figure"
    "claim"
    "extern"
    "variant")
  "Words that begin declarations.")

(defconst cfx-words
  '("if"
    "then"
    "else"
    "and"
    "or"
    "not"
    "except"
    "as")
  "Words of expressions.")

(defconst cfx-constants
  '("true"
    "false"
    "none"
    "all"
    "first"
    "last"
    "classes"
    "dim")
  "Words that stand for a value.")

(defconst cfx-types
  '("int"
    "real"
    "bool"
    "text"
    "option")
  "Types of parameters.")

(defconst cfx-builtins
  '(;; analysis
    "abs"
    "add"
    "align"
    "all"
    "any"
    "at_best"
    "auc"
    "best"
    "bootstrap"
    "both"
    "calibration"
    "choose"
    "cluster"
    "clusters"
    "count"
    "curve_area"
    "describe"
    "divide"
    "either"
    "equal"
    "exp"
    "f_score_of"
    "field"
    "greater"
    "greater_equal"
    "histogram"
    "kendall"
    "largest_gap"
    "less"
    "less_equal"
    "log"
    "maximum"
    "mean"
    "median"
    "minimum"
    "mode"
    "multiply"
    "negate"
    "negation"
    "not_equal"
    "only"
    "own_class"
    "pearson"
    "permutation_test"
    "pick"
    "power"
    "quantile"
    "rank"
    "round"
    "selection"
    "share"
    "spearman"
    "split_at_largest_gap"
    "sqrt"
    "standard_error"
    "std"
    "subtract"
    "table"
    "threshold"
    "total"
    ;; data
    "add_noise"
    "among"
    "arrays"
    "cifar10"
    "cifar100"
    "corpus"
    "corrupt_labels"
    "digits"
    "folds"
    "highest"
    "idx"
    "image_folder"
    "label"
    "load_scores"
    "lowest"
    "mnist"
    "of_class"
    "quantile_bins"
    "relabel"
    "sample"
    "split"
    "subset"
    "union"
    "where"
    "with_ids"
    "without"
    ;; density
    "block_gibbs"
    "classify"
    "co_clustering"
    "density_summary"
    "diagnose"
    "diagonal"
    "dp_mixture"
    "fixed"
    "gamma"
    "generative_classification"
    "gibbs"
    "hierarchical"
    "kl_divergence"
    "log_density"
    "merge_split"
    "mixing"
    "niw"
    "niw_fixed"
    "relative_entropy"
    "sample_density"
    "spherical"
    "split_merge"
    "stacking"
    "sub_clusters"
    "trace"
    ;; figures
    "bands"
    "bars"
    "curves"
    "distribution"
    "heatmap"
    "images"
    "profile"
    "scatter"
    ;; layers
    "avg_pool"
    "batch_norm"
    "class_token"
    "concat"
    "conv"
    "conv_transposed"
    "dropout"
    "dropout_channels"
    "each"
    "embedding"
    "feed_forward"
    "flatten"
    "gelu"
    "global_mean"
    "group_norm"
    "identity"
    "latent"
    "layer_norm"
    "leaky_relu"
    "linear"
    "lstm"
    "max_pool"
    "named"
    "numbered"
    "position_embedding"
    "relu"
    "repeat"
    "reshape"
    "residual"
    "self_attention"
    "sigmoid"
    "softmax"
    "subsample_pad"
    "tanh"
    "token"
    "tokens"
    "transpose"
    "unnamed"
    "upsample"
    ;; networks
    "basic_block"
    "basic_resnet"
    "basic_stage"
    "bottleneck_block"
    "bottleneck_stage"
    "cifar_resnet"
    "cifar_stem"
    "convnet11"
    "dcgan"
    "deconvolution"
    "dense"
    "drop"
    "encoder_block"
    "imagenet_stem"
    "lstm_classifier"
    "lstm_lm"
    "mixer"
    "mixer_b"
    "mixer_block"
    "mixer_s"
    "mlp"
    "padded_block"
    "padded_stage"
    "patch_embedding"
    "plain11"
    "plain8"
    "plain_conv"
    "projection"
    "random_input"
    "resnet110"
    "resnet18"
    "resnet20"
    "resnet32"
    "resnet34"
    "resnet44"
    "resnet50"
    "resnet56"
    "resnet_stem"
    "tiny_mixer"
    "tiny_resnet"
    "tiny_vit"
    "vgg"
    "vgg11"
    "vgg13"
    "vgg16"
    "vgg_hidden"
    "vgg_stage"
    "vit"
    "vit_b"
    "vit_s"
    "vit_ti"
    ;; probes
    "ablate"
    "ablate_each"
    "ablation_area"
    "certify"
    "class_selectivity"
    "influence"
    "memorization"
    "memorization_error"
    "mutual_information"
    "output_divergence"
    "perturb"
    "random"
    "trial_outcome"
    "unit_correlation"
    ;; recipes
    "feldman_zhang"
    "feldman_zhang_published"
    "gu_tresp"
    "gu_tresp_augmented"
    "gu_tresp_random"
    "smoothed_feldman_zhang"
    "without_augmentation"
    ;; representations
    "canonical_correlations"
    "canonical_directions"
    "captured_energy"
    "cca"
    "cka"
    "class_means"
    "cosine_distance"
    "dimension"
    "euclidean_distance"
    "gaussian_stages"
    "join"
    "linear"
    "load_stages"
    "matched_gaussian"
    "mean_distance"
    "procrustes"
    "rbf"
    "spectrum"
    "svd"
    "units"
    ;; training
    "accuracy"
    "adam"
    "adamw"
    "by_norm"
    "by_value"
    "confidence"
    "confusion"
    "constant"
    "correct"
    "cosine"
    "crop"
    "every"
    "example_loss"
    "f_score"
    "flip"
    "gaussian_noise"
    "generate"
    "history"
    "import_weights"
    "input_gradient"
    "loss"
    "margin"
    "maximize_activation"
    "one_cycle"
    "patience"
    "predicted"
    "probability"
    "project"
    "sam"
    "sgd"
    "snapshot"
    "step"
    "tap"
    "train"
    "train_gan"
    "triangular"
    "untrained"
    "when")
  "Names of the standard library, by topic.")

(defvar cfx-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?# "<" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?_ "w" table)
    (modify-syntax-entry ?% "w" table)
    table)
  "Syntax table of `cfx-mode'.")

(defvar cfx-font-lock-keywords
  (list
   (cons (concat "^\\s-*" (regexp-opt cfx-keywords 'words) "\\s-+[A-Za-z0-9_\"]") '(1 font-lock-keyword-face))
   (cons (regexp-opt cfx-words 'words) 'font-lock-keyword-face)
   (cons "\\<\\([A-Za-z_][A-Za-z0-9_]*\\)\\s-*:" '(1 font-lock-variable-name-face))
   ;; A part of a value, as `train' in `data.train', is no built-in.
   (cons (concat "\\(?:^\\|[^.[:word:]]\\)" (regexp-opt cfx-builtins t) "\\>") '(1 font-lock-function-name-face))
   (cons (regexp-opt cfx-types 'words) 'font-lock-type-face)
   (cons (regexp-opt cfx-constants 'words) 'font-lock-constant-face)
   (cons "\\<[0-9]+\\(?:\\.[0-9]+\\)?\\(?:[eE][+-]?[0-9]+\\)?[%kM]?" 'font-lock-constant-face))
  "What `cfx-mode' highlights.")

(defun cfx-indent-line ()
  "Indent the line by two spaces for each open bracket."
  (interactive)
  (let* ((depth (save-excursion (beginning-of-line) (car (syntax-ppss))))
         (closes (save-excursion (back-to-indentation) (looking-at "[])}]")))
         (column (* 2 (max 0 (- depth (if closes 1 0))))))
    (if (<= (current-column) (current-indentation))
        (indent-line-to column)
      (save-excursion (indent-line-to column)))))

(defun cfx-check ()
  "Check the buffer with the command and show its messages."
  (interactive)
  (let ((name (or buffer-file-name "buffer.cfx")))
    (shell-command-on-region
     (point-min) (point-max)
     (format "%s check - --name %s" (shell-quote-argument cfx-command) (shell-quote-argument name))
     "*cfx check*")))

;;;###autoload
(define-derived-mode cfx-mode prog-mode "cfx"
  "Major mode for cfx scripts."
  :syntax-table cfx-mode-syntax-table
  (setq-local comment-start "# ")
  (setq-local comment-end "")
  (setq-local font-lock-defaults '(cfx-font-lock-keywords))
  (setq-local indent-line-function #'cfx-indent-line))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.cfx\\'" . cfx-mode))

(provide 'cfx-mode)
;;; cfx-mode.el ends here
