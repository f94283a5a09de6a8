namespace Granary.Training.Runs;

/// <summary>A rule is not of the form that it must have. The message says which form that is.</summary>
public sealed class WeightMapException(string message) : ArgumentException(message);

/// <summary>
/// Which tensor of a file becomes which of the model, by rules <c>from=to</c> on names. A <c>*</c> stands for any letters, which
/// take the place of the same star in <c>to</c>. The first rule that fits a name counts; a name that no rule fits stays.
/// With nothing behind the sign, a tensor of the file is left out; with nothing before it, a tensor of the model stays as it is made.
/// A rule that begins with <c>?</c> may fit nothing.
/// </summary>
public sealed class WeightMap
{
    private const char Optional = '?';
    private readonly List<(string From, string To)> rules = [];
    private readonly HashSet<(string From, string To)> used = [];
    private readonly WeightMap? known;

    /// <param name="known">What is understood without a rule: a name that no rule fits is looked up there, and then the rules are for what it is called in the model. Default: nothing.</param>
    /// <exception cref="WeightMapException">A rule has no <c>=</c> sign, two empty sides, or more stars behind the sign than before it.</exception>
    public WeightMap(IEnumerable<string> rules, WeightMap? known = null)
    {
        this.known = known;
        foreach (var written in rules)
        {
            var rule = written.TrimStart(Optional);
            if (rule.Split('=') is not [var from, var to] || (from, to) is ("", ""))
            {
                throw new WeightMapException($"'{rule}' is no rule for the names of weights: write from=to, such as encoder.*=body.*, or fc.*= to leave something of the file out, or =head.* to begin with a head of its own.");
            }
            if (from.Length > 0 && to.Count(letter => letter == '*') > from.Count(letter => letter == '*'))
            {
                throw new WeightMapException($"'{rule}' has more stars behind the sign than before it: what should they stand for?");
            }
            this.rules.Add((from, to));
            if (rule != written)
            {
                used.Add((from, to));
            }
        }
    }

    /// <summary>The name that a tensor of a file has in the model; <see langword="null"/>: it is left out.</summary>
    public string? NameInModel(string nameInFile)
    {
        if (!TryRename(nameInFile, out var name) && known is not null && known.TryRename(nameInFile, out name) && name is not null)
        {
            TryRename(name, out name);
        }
        return name;
    }

    /// <returns>Whether a rule fits.</returns>
    private bool TryRename(string name, out string? renamed)
    {
        foreach (var (from, to) in rules)
        {
            if (from.Length > 0 && Match(from, name) is { } found)
            {
                used.Add((from, to));
                renamed = to.Length == 0 ? null : Fill(to, found);
                return true;
            }
        }
        renamed = name;
        return false;
    }

    /// <summary>Whether a tensor of the model begins with the values that it is made with.</summary>
    public bool StaysAsMade(string nameInModel)
    {
        var found = rules.Where(rule => rule.From.Length == 0 && Match(rule.To, nameInModel) is not null).ToList();
        used.UnionWith(found);
        return found.Count > 0;
    }

    /// <summary>Rules that have fitted no name so far.</summary>
    public IEnumerable<string> Unused => rules.Where(rule => !used.Contains(rule)).Select(rule => $"{rule.From}={rule.To}");

    /// <summary>What each star stands for, the first ones for as little as possible; <see langword="null"/>: the pattern does not fit.</summary>
    private static List<string>? Match(string pattern, string name)
    {
        var star = pattern.IndexOf('*', StringComparison.Ordinal);
        if (star < 0)
        {
            return pattern == name ? [] : null;
        }
        if (!name.StartsWith(pattern[..star], StringComparison.Ordinal))
        {
            return null;
        }
        for (var end = star; end <= name.Length; end++)
        {
            if (Match(pattern[(star + 1)..], name[end..]) is { } rest)
            {
                return [name[star..end], .. rest];
            }
        }
        return null;
    }

    private static string Fill(string pattern, List<string> found)
    {
        var parts = pattern.Split('*');
        return parts[0] + string.Concat(parts.Skip(1).Zip(found, (part, stars) => stars + part));
    }
}
