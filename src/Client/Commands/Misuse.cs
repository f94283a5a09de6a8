using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Granary.Silo;
using Granary.Training.Wording;

namespace Granary.Client.Commands;

/// <summary>What is wrong with a command line, in one line: which word, what would be right, and where to read more.</summary>
internal static class Misuse
{
    /// <returns><see langword="null"/>: nothing is.</returns>
    public static string? Of(ParseResult parsed)
    {
        var command = parsed.CommandResult;
        if (parsed.Action != command.Command.Action && parsed.Action is not ParseErrorAction)
        {
            return null; // asks for help or the version
        }
        return (Stray(parsed) ?? Empty(command) ?? parsed.Errors.Select(error => Of(error, command)).FirstOrDefault()) is { } wrong
            ? $"{wrong} See: {Path(command)} --help"
            : null;
    }

    /// <summary>A word that nothing takes, and an option that is taken for a value, as an unknown one may be.</summary>
    private static string? Stray(ParseResult parsed)
    {
        var (command, path) = (parsed.CommandResult.Command, Path(parsed.CommandResult));
        var values = parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash) ? [] : Values(parsed.CommandResult);
        if (parsed.UnmatchedTokens.Concat(values.SelectMany(value => value.Tokens).Select(token => token.Value)).FirstOrDefault(IsOption) is { } option)
        {
            return $"{path} has no option {Shown.Value(option)}.{Meant(option, Options(parsed.CommandResult).Where(known => !known.Hidden).Select(known => known.Name))}";
        }
        return parsed.UnmatchedTokens.FirstOrDefault() is not { } word ? null
            : command.Subcommands.Count == 0 ? $"{path} does not take '{Shown.Value(word)}'."
            : $"{path} has no command '{Shown.Value(word)}'.{Meant(word, command.Subcommands.Select(known => known.Name))}";
    }

    /// <summary>An empty value mostly comes from a shell variable that is not set. Texts may be empty.</summary>
    private static string? Empty(CommandResult command)
    {
        foreach (var result in command.Children.Where(child => child.Tokens.Any(token => token.Value.Length == 0)))
        {
            if (result is ArgumentResult argument)
            {
                return $"{Name(argument.Argument)} must not be empty.";
            }
            if (result is OptionResult { Option.Name: not ("--prompt" or "--reason") } option)
            {
                return $"{option.Option.Name} must not be empty.";
            }
        }
        return null;
    }

    private static string Of(ParseError error, CommandResult command) => error.SymbolResult switch
    {
        ArgumentResult { Parent: OptionResult option } => Of(error, option),
        OptionResult option => Of(error, option),
        ArgumentResult { Tokens: [] } argument => Missing(argument.Argument, command),
        ArgumentResult argument => $"{Name(argument.Argument)} cannot be '{Shown.Value(argument.Tokens[^1].Value)}': it takes {Takes(argument.Argument, argument.Tokens[^1].Value, error)}.",
        _ when command.Command.Subcommands.Count > 0 => $"{Path(command)} needs a command: {string.Join(", ", command.Command.Subcommands.Select(known => known.Name))}.",
        _ when command.Command.Arguments.FirstOrDefault(argument => command.GetResult(argument) is null or { Tokens: [] }) is { } missing => Missing(missing, command),
        _ => Shown.OneLine(error.Message),
    };

    private static string Of(ParseError error, OptionResult option) => option.Tokens switch
    {
        [] => $"{option.Option.Name} needs a value: {Takes(option.Option, "", error)}.",
        [var only] => $"{option.Option.Name} cannot be '{Shown.Value(only.Value)}': it takes {Takes(option.Option, only.Value, error)}.",
        var several => $"{option.Option.Name} is given {several.Count} times.",
    };

    private static string Missing(Argument argument, CommandResult command) => $"{Path(command)} needs {Name(argument)}{(argument.Description is { } about ? $" ({about.TrimEnd('.')})" : "")}.";

    private static string Takes(Symbol symbol, string word, ParseError error)
    {
        var type = symbol is Option option ? option.ValueType : ((Argument)symbol).ValueType;
        type = Nullable.GetUnderlyingType(type) ?? type;
        return symbol.GetCompletions(System.CommandLine.Completions.CompletionContext.Empty).Select(known => known.Label).ToList() is { Count: > 0 } known && type == typeof(string) ? string.Join(" or ", known)
            : type == typeof(int) || type == typeof(long) ? $"a whole number{(word.Length > 1 && word.All(char.IsAsciiDigit) ? ", not as large as that" : "")}"
            : type == typeof(ulong) ? $"a whole number from 0 to {ulong.MaxValue}"
            : type == typeof(double) ? "a number"
            : type == typeof(bool) ? "no value"
            : type == typeof(string) || type == typeof(string[]) ? "a text"
            : Shown.OneLine(error.Message);
    }

    private static string Meant(string word, IEnumerable<string> known)
    {
        var (name, distance) = known.Select(name => (name, Letters.Distance(word, name))).DefaultIfEmpty(("", int.MaxValue)).MinBy(candidate => candidate.Item2);
        return distance <= Math.Max(2, word.Length / 3) ? $" Did you mean {name}?" : "";
    }

    private static bool IsOption(string word) => word is ['-', '-', _, ..] || (word is ['-', var letter, ..] && char.IsAsciiLetter(letter));

    private static IEnumerable<ArgumentResult> Values(CommandResult command) => command.Children.OfType<ArgumentResult>();

    private static IEnumerable<Option> Options(CommandResult command) =>
        command.Command.Options.Concat(command.Parent is CommandResult parent ? Options(parent).Where(option => option.Recursive) : []);

    private static string Path(CommandResult command) => command.Parent is CommandResult parent ? $"{Path(parent)} {command.Command.Name}" : GranaryEnvironment.ProgramName;

    private static string Name(Argument argument) => argument.Name.ToUpperInvariant();
}
