//! Nearest spellings.

/// Returns the candidate that a misspelt word most likely means, where one is near enough; the first of several as near. A number is no misspelt word.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if word.parse::<f64>().is_ok() {
        return None;
    }
    let allowed = (word.chars().count() / 3).max(1);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let distance = strsim::damerau_levenshtein(&word.to_lowercase(), &candidate.to_lowercase());
        // Where every letter differs, nothing is near.
        let near = distance <= allowed && distance < word.chars().count().max(candidate.chars().count());
        if near && best.is_none_or(|(d, _)| distance < d) {
            best = Some((distance, candidate));
        }
    }
    best.map(|b| b.1)
}

/// In the table below: `rate`, where it is that of dropout.
const DROPPED: &str = "rate of dropout";

/// Names of arguments elsewhere (PyTorch, Keras, scikit-learn, R, Julia), and here: of several, the first that there is.
const ELSEWHERE: [(&[&str], &[&str]); 44] = [
    (&["lr", "learning_rate", "learningrate", "eta", "step_size", "base_lr", "max_lr", "init_lr"], &["rate", "peak"]),
    (&["lr_scheduler", "scheduler", "schedule", "lr_schedule"], &["rate"]),
    (&["batch_size", "batchsize", "bs", "minibatch", "mini_batch_size"], &["batch"]),
    (
        &[
            "num_epochs",
            "n_epochs",
            "nb_epoch",
            "nepochs",
            "max_epochs",
            "epoch",
            "num_epoch",
            "iterations",
            "n_iter",
            "max_iter",
        ],
        &["epochs", "passes", "steps", "draws"],
    ),
    (&["optim", "opt", "optimiser", "solver"], &["optimizer"]),
    (&["wd", "decay", "l2", "weightdecay"], &["weight_decay"]),
    (&["random_state", "random_seed", "manual_seed", "rng", "rng_seed"], &["seed"]),
    (&["dataset", "loader", "dataloader", "train_loader", "train_data", "train_set", "df", "X"], &["data", "x"]),
    (&["network", "architecture", "arch", "net"], &["network", "net", "m"]),
    (&["model"], &["network", "net", "m", "p"]),
    (
        &["hidden_size", "hidden_sizes", "hidden_layers", "hidden_layer_sizes", "hidden_dim", "hidden_units", "layers"],
        &["hidden", "units"],
    ),
    (&["num_classes", "n_classes", "nclasses", "output_size"], &["classes"]),
    (&["out_channels", "filters", "planes", "num_filters"], &["channels"]),
    (&["out_features", "features", "neurons", "size", "dim"], &["units", "width", "size"]),
    (&["kernel_size", "ksize", "filter_size"], &["kernel"]),
    (&["padding"], &["pad"]),
    (&["strides"], &["stride"]),
    (&["num_heads", "n_heads", "nhead"], &["heads"]),
    (&["num_embeddings", "vocab_size", "vocabulary"], &["words"]),
    (&["embedding_dim", "embed_dim", "d_model"], &["units", "dim"]),
    (&["dropout", "dropout_rate", "p", "prob", "probability", "drop_rate", "rate"], &["dropout", DROPPED, "fraction"]),
    (&["augmentation", "augmentations", "transform", "transforms", "data_augmentation"], &["augment"]),
    (&["metrics", "log", "monitor", "callbacks"], &["record"]),
    (&["early_stopping", "early_stop", "patience"], &["stop"]),
    (&["grad_clip", "clip_grad", "gradient_clip", "gradient_clip_val", "max_grad_norm", "clipnorm"], &["clip"]),
    (&["pretrained", "weights", "init", "checkpoint", "init_from", "start_from"], &["from", "file"]),
    (&["save_every", "checkpoint_every", "checkpoints", "save"], &["snapshots", "keep"]),
    (&["smoothing"], &["label_smoothing"]),
    (&["dtype", "amp", "mixed_precision"], &["precision"]),
    (&["axis", "dim", "dims", "along", "dimension"], &["over", "along"]),
    (&["groupby", "group_by", "group", "groups", "per"], &["by"]),
    (&["n_components", "components", "k", "rank", "n_dims"], &["width", "components"]),
    (&["n_bins", "nbins", "num_bins", "n_quantiles"], &["bins", "count"]),
    (
        &["n_samples", "num_samples", "samples", "nsamples", "n_resamples", "n_boot", "n_permutations", "n_draws", "num_draws"],
        &["draws", "n", "count"],
    ),
    (&["n", "num", "number", "size", "n_examples"], &["count", "n", "draws"]),
    (&["y_log", "log_y", "logy", "yscale", "semilogy"], &["y_scale"]),
    (&["x_log", "log_x", "logx", "xscale", "semilogx"], &["x_scale"]),
    (&["noise", "ratio", "frac", "proportion", "rate", "level", "percent"], &["fraction", "share"]),
    (&["layer", "layers", "tap", "taps", "stage", "stages", "node", "nodes"], &["at"]),
    (&["hue", "colour", "c", "fill"], &["color"]),
    (&["facets", "panel", "panels", "facet_wrap", "facet_grid", "subplot", "subplots", "col"], &["facet"]),
    (&["xlim", "x_lim", "xlimits", "xrange"], &["x_range"]),
    (&["ylim", "y_lim", "ylimits", "yrange"], &["y_range"]),
    (&["path", "file", "filename", "dir", "root", "directory", "data_dir"], &["folder", "path", "file", "images"]),
];

/// Returns the name that an argument of a name used elsewhere has among the candidates, where that is known.
pub fn elsewhere<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let known = ELSEWHERE.iter().filter(|(words, _)| words.iter().any(|w| w.eq_ignore_ascii_case(word)));
    let named = |ours: &str| match ours {
        // The rate of a training is the size of its steps.
        DROPPED => candidates.iter().copied().find(|c| *c == "rate" && !candidates.contains(&"optimizer")),
        _ => candidates.iter().copied().find(|c| *c == ours),
    };
    known.flat_map(|(_, ours)| ours.iter()).find_map(|ours| named(ours))
}

/// Operations elsewhere, and what to write here.
const OPERATIONS: [(&[&str], &str); 63] = [
    (&["sum", "nansum", "add_up"], "`total(x)`"),
    (&["max", "amax", "nanmax"], "`maximum(x)`"),
    (&["min", "amin", "nanmin"], "`minimum(x)`"),
    (&["avg", "average", "nanmean", "mean_"], "`mean(x)`"),
    (&["sd", "stdev", "std_dev", "stddev", "nanstd"], "`std(x)`"),
    (&["var", "variance"], "`power(std(x), 2)`"),
    (&["sem", "stderr", "se"], "`standard_error(x)`"),
    (
        &["ci", "confint", "confidence_interval", "bootstrap", "error", "error_bar", "interval"],
        "nothing: an estimate carries its standard error, which the report shows, and figures draw (`show: ci` or `se`)",
    ),
    (&["len", "length", "nrow", "size", "numel", "shape", "value_counts"], "`count(x)`"),
    (&["percentile", "quantiles"], "`quantile(x, q: 90%)`"),
    (&["pow", "square"], "`power(x, 2)`"),
    (&["ln", "log1p", "log10", "log2"], "`log(x)`, the natural logarithm"),
    (&["fabs", "absolute"], "`abs(x)`"),
    (&["corr", "cor", "pearsonr", "corrcoef", "correlation"], "`pearson(x, y)`"),
    (&["spearmanr", "corspearman"], "`spearman(x, y)`"),
    (&["kendalltau"], "`kendall(x, y)`"),
    (&["ttest", "t_test", "ttest_ind", "wilcoxon", "mannwhitneyu"], "`permutation_test(x, y)`"),
    (&["confusion_matrix", "crosstab"], "`confusion(m, data)`"),
    (&["f1", "f1_score", "fscore", "F1"], "`f_score(m, data)`"),
    (&["accuracy_score", "acc", "score", "evaluate", "top1", "balanced_accuracy_score"], "`accuracy(m, data)`"),
    (&["predict", "predictions", "predict_classes"], "`predicted(m, data)`; whether that is right is `correct(m, data)`"),
    (
        &["predict_proba", "proba", "predict_log_proba"],
        "`confidence(m, data)` for the prediction, `probability(m, data)` for the label",
    ),
    (&["forward"], "`tap(m, data, at: …)`"),
    (&["svcca", "SVCCA"], "`cca(x, against: y, variant: svcca)`"),
    (&["pwcca", "PWCCA"], "`cca(x, against: y, variant: pwcca)`"),
    (
        &["cross_entropy", "log_loss", "nll", "nll_loss", "CrossEntropyLoss"],
        "`loss(m, data)`, or `example_loss(m, data)` for each example",
    ),
    (&["error_rate", "zero_one_loss"], "`1 - accuracy(m, data)`"),
    (&["hist", "histplot", "countplot", "displot"], "`distribution(x)`, or as a table `histogram(x)`"),
    (&["fit", "train_model", "learn", "compile"], "`train(network, data)`"),
    (&["pca", "PCA", "truncated_svd", "TruncatedSVD", "prcomp"], "`svd(x, width: 16)`"),
    (&["features", "activations", "extract", "get_features", "embed", "hidden", "representations"], "`tap(m, data, at: all)`"),
    (&["gmm", "GaussianMixture", "BayesianGaussianMixture", "mixture", "dpgmm", "kde"], "`dp_mixture(x, by: class)`"),
    (&["kl", "kl_div", "KL"], "`kl_divergence(p, against: q)`"),
    (&["CKA", "linear_cka", "similarity"], "`cka(x, between: run)`"),
    (
        &["range", "seq", "arange", "linspace", "seq_len", "collect"],
        "a range, `0..10`, its end excluded, or a list, `[0, 0.5, 1]`",
    ),
    (
        &["shuffle", "random_split", "train_test_split", "resample"],
        "`sample(data, count: 1000)` or `subset(data, fraction: 10%)`",
    ),
    (&["filter", "select", "query", "masked_select"], "`where(data, condition)`"),
    (&["plot", "line", "lineplot", "ggplot", "lines", "chart", "draw"], "`curves(x, x: axis)`"),
    (&["barplot", "bar", "boxplot", "violinplot"], "`bars(y, x: axis)`"),
    (&["imshow", "matshow", "image", "pcolor", "clustermap"], "`heatmap(x, rows: a, columns: b)`"),
    (&["scatterplot", "scatter_plot", "points"], "`scatter(x, y)`"),
    (
        &[
            "load_data",
            "load_csv",
            "read_csv",
            "read_table",
            "read",
            "csv",
            "npy",
            "load_npy",
            "from_numpy",
            "load_digits",
            "fetch_openml",
        ],
        "`arrays(\"x.npy\", labels: \"y.npy\", …)`, or `digits()`, `mnist(…)`, `cifar10(…)`",
    ),
    (
        &["load", "loadtxt", "pickle"],
        "`arrays(\"x.npy\", …)` for data, `load_stages(\"*.npy\", rows: examples)` for activations, `import_weights(\"file\", network, data)` for weights",
    ),
    (
        &["load_model", "load_weights", "load_state_dict", "from_pretrained", "hub"],
        "`import_weights(\"weights.safetensors\", network, data)`",
    ),
    (&["ImageFolder", "imagenet", "images"], "`image_folder(\"folder\", size: 32)`"),
    (&["CIFAR10", "cifar", "Cifar10"], "`cifar10(\"folder\")`"),
    (&["MNIST", "fashion_mnist"], "`mnist(\"folder\")`"),
    (&["bins", "cut", "qcut", "digitize", "deciles"], "`quantile_bins(x, count: 10)`"),
    (
        &["argmax", "idxmax", "which_max", "findmax"],
        "`best(x, along: axis)` for the coordinate, `at_best(y, by: x, along: axis)` for what is there",
    ),
    (
        &["argmin", "idxmin", "which_min", "findmin"],
        "`best(-x, along: axis)` for the coordinate, `at_best(y, by: -x, along: axis)` for what is there",
    ),
    (&["topk", "nlargest", "top", "tail"], "`highest(score, 100)` or `lowest(score, 100)`, which give data sets"),
    (&["fillna", "coalesce", "dropna", "isnan", "isna", "nan_to_num", "na_omit"], "nothing: reductions skip absent values"),
    (&["floor", "ceil", "trunc"], "`round(x)`, to the nearest whole number"),
    (&["unique", "nunique"], "`cfx check --types`, which shows the coordinates of each axis"),
    (&["c", "list", "tuple", "array", "vector", "Array", "tensor", "asarray"], "a list in square brackets, `[1, 2, 3]`"),
    (&["argsort", "sort", "sorted", "order", "rankdata"], "`rank(x, along: axis)`"),
    (&["groupby", "group_by", "aggregate", "by", "pivot"], "the argument `by:`, as in `mean(x, by: class)`"),
    (&["print", "show", "display", "echo"], "an `analysis` or a `figure`; the report shows them"),
    (
        &["str", "int", "float", "dict", "set", "enumerate", "zip", "map", "lambda", "bool", "astype"],
        "nothing: values are of their kind, and lists have square brackets",
    ),
    (&["every", "forall"], "`all(condition)`"),
    (&["some", "exists"], "`any(condition)`"),
    (&["ifelse", "if_else", "iif", "cond", "case_when", "switch", "select_case"], "`if condition then a else b`"),
    (&["concat", "rbind", "vcat", "append", "stack"], "an axis over the values: `axis part = { a: one, b: other }`"),
];

/// Returns what to write for an operation known from elsewhere.
pub fn operation_elsewhere(name: &str) -> Option<&'static str> {
    OPERATIONS.iter().find(|(names, _)| names.contains(&name)).map(|(_, ours)| *ours)
}

/// Returns whether a name is that of a package of functions in other languages.
pub fn is_package(name: &str) -> bool {
    matches!(
        name,
        "math"
            | "np"
            | "numpy"
            | "torch"
            | "plt"
            | "pd"
            | "sklearn"
            | "nn"
            | "tf"
            | "scipy"
            | "stats"
            | "random"
            | "F"
            | "jnp"
            | "sns"
    )
}

/// Layers elsewhere, and here.
const LAYERS: [(&[&str], &str); 14] = [
    (&["dense", "fc", "fully_connected", "affine", "lin", "linear_layer"], "`linear(units)`"),
    (&["conv2d", "conv1d", "conv3d", "convolution", "convolution2d"], "`conv(channels, kernel)`"),
    (&["convtranspose2d", "conv_transpose", "deconv", "deconv2d"], "`conv_transposed(channels, kernel)`"),
    (&["maxpool", "maxpool2d", "max_pool2d", "maxpooling2d", "pool"], "`max_pool(kernel)`"),
    (&["avgpool", "avgpool2d", "average_pool", "averagepooling2d", "avg_pool2d"], "`avg_pool(kernel)`"),
    (&["gap", "globalaveragepooling2d", "global_avg_pool", "adaptiveavgpool2d", "global_average_pool"], "`global_mean`"),
    (&["bn", "batchnorm", "batchnorm2d", "batchnorm1d", "batchnormalization", "batch_normalization"], "`batch_norm`"),
    (&["layernorm", "layernormalization", "ln"], "`layer_norm`"),
    (&["groupnorm"], "`group_norm(groups)`"),
    (&["leakyrelu", "lrelu"], "`leaky_relu`"),
    (&["attention", "multiheadattention", "mha", "multihead_attention"], "`self_attention(heads)`"),
    (&["mlp_block", "ffn", "feedforward"], "`feed_forward(units)`"),
    (&["dropout2d", "spatial_dropout"], "`dropout_channels(rate)`"),
    (&["sequential", "chain", "seq", "compose"], "steps one after the other: `a -> b -> c`"),
];

/// Returns what to write for a layer known from elsewhere.
pub fn layer_elsewhere(name: &str) -> Option<&'static str> {
    let name = name.to_lowercase();
    LAYERS.iter().find(|(names, _)| names.contains(&name.as_str())).map(|(_, ours)| *ours)
}

/// Returns the help line for a misspelt word: the nearest candidate, or the list of all with what they are; nothing for long lists.
pub fn suggestion(word: &str, candidates: &[&str], what: &str) -> Option<String> {
    match nearest(word, candidates) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if candidates.is_empty() || candidates.len() > 24 => None,
        None => Some(format!("{what}: {}", candidates.join(", "))),
    }
}

/// Returns a help line that always says something: the nearest candidate, or the list, the first of it where it is long.
pub fn nearest_or_list(word: &str, candidates: &[&str]) -> String {
    if let Some(near) = nearest(word, candidates) {
        return format!("did you mean `{near}`?");
    }
    match candidates.len() {
        0 => "there is nothing to choose from here".to_string(),
        n => {
            let shown: Vec<String> = candidates.iter().take(14).map(|c| format!("`{c}`")).collect();
            let more = if n > 14 { format!(" and {} more", n - 14) } else { String::new() };
            format!("there is {}{more}", shown.join(", "))
        }
    }
}

/// Returns words as a list in a sentence, the first `most` of them.
pub fn at_most(words: &[String], most: usize) -> String {
    let shown = words.iter().take(most).cloned().collect::<Vec<_>>().join(", ");
    if words.len() > most { format!("{shown} and {} more", words.len() - most) } else { shown }
}
