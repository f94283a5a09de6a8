using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using System.Text;
using Granary.Training.Wording;

namespace Granary.Training.Tasks;

/// <summary>A setting as users see it.</summary>
/// <param name="Range">The allowed values in words, such as <c>1 to 65536</c> or <c>lstm, gru or rnn</c>.</param>
public sealed record SettingDescription(string Name, string Kind, string Default, string Range, string Meaning)
{
    /// <summary>The kind of a setting that names a file or a folder.</summary>
    public const string Path = "path";
}

/// <summary>A setting is unknown or its value does not fit. The message names the setting, its range and its default.</summary>
public sealed class TaskSettingException(string message) : Exception(message);

/// <summary>Binds <c>key=value</c> pairs to a task's settings record, strictly, and describes such records.</summary>
public static class TaskSettings
{
    /// <summary>A task's settings, as users see them, in the order in which they are declared.</summary>
    public static IReadOnlyList<SettingDescription> Describe(ITrainingTask task)
    {
        var defaults = Activator.CreateInstance(task.Settings)!;
        return [.. Properties(task.Settings).Select(property => Describe(property, property.GetValue(defaults)))];
    }

    /// <summary>Checks the declarations of a settings record: each is of a type that can be set, and its default is one of the values that it takes.</summary>
    /// <param name="settings">The type of the record.</param>
    /// <exception cref="ArgumentException">One is not so. The message names it.</exception>
    public static void CheckDeclared(Type settings)
    {
        var defaults = Activator.CreateInstance(settings)!;
        foreach (var property in Properties(settings))
        {
            var (value, type) = (property.GetValue(defaults), property.PropertyType);
            if (type != typeof(string) && type != typeof(bool) && type != typeof(int) && type != typeof(long) && type != typeof(double) && type != typeof(float))
            {
                throw new ArgumentException($"{settings.Name}.{property.Name} cannot be a setting: it is of type {type.Name}; text, whole numbers, numbers and bool can be set.");
            }
            try
            {
                Parse(property, Text(value), Describe(property, value));
            }
            catch (TaskSettingException wrong)
            {
                throw new ArgumentException($"{settings.Name}.{property.Name} is declared with a default that it does not take. {wrong.Message}");
            }
        }
    }

    /// <summary>The record with the given values in place of its defaults.</summary>
    /// <exception cref="TaskSettingException">A name is unknown or a value is ill-typed or out of its range.</exception>
    public static T Bind<T>(TrainingSpec spec) where T : new() => (T)Bind(typeof(T), spec);

    /// <inheritdoc cref="Bind{T}(TrainingSpec)"/>
    /// <param name="settings">The type of the record.</param>
    public static object Bind(Type settings, TrainingSpec spec) => Bind(settings, spec.Task, spec.Settings);

    /// <summary>Every setting of the task as text: the given values checked, the others at their defaults.</summary>
    public static IReadOnlyDictionary<string, string> Complete(ITrainingTask task, IReadOnlyDictionary<string, string> given)
    {
        var bound = Bind(task.Settings, task.Name, given);
        return Properties(task.Settings).ToDictionary(SettingName, property => Text(property.GetValue(bound)));
    }

    private static object Bind(Type type, string task, IReadOnlyDictionary<string, string> given)
    {
        var settings = Activator.CreateInstance(type)!;
        var known = Properties(type).ToDictionary(SettingName);
        foreach (var (name, text) in given)
        {
            if (!known.TryGetValue(name, out var property))
            {
                throw new TaskSettingException($"Task '{task}' has no setting '{Shown.Value(name)}'. It has: {string.Join(", ", known.Keys.Order())}.");
            }
            property.SetValue(settings, Parse(property, text, Describe(property, property.GetValue(settings))));
        }
        return settings;
    }

    private static object Parse(PropertyInfo property, string text, SettingDescription description)
    {
        var setting = property.GetCustomAttribute<SettingAttribute>()!;
        object? value = null;
        try
        {
            value = TypeDescriptor.GetConverter(property.PropertyType).ConvertFromInvariantString(text);
        }
        catch (Exception error) when (error is ArgumentException or FormatException or NotSupportedException or OverflowException)
        {
        }
        var fits = value switch
        {
            null => false,
            string word => setting.Choices.Length == 0 || setting.Choices.Contains(word),
            bool => true,
            _ => Convert.ToDouble(value, CultureInfo.InvariantCulture) is var number && number >= setting.Min && number <= setting.Max,
        };
        return fits ? value! : throw new TaskSettingException(
            $"Setting '{description.Name}' cannot be '{Shown.Value(text)}': it takes {description.Range}. Default: {description.Default}.");
    }

    /// <summary>The settings whose value is the path of something that is there.</summary>
    public static IEnumerable<(string Name, string Path)> PathsIn(ITrainingTask task, TrainingSpec spec) =>
        from property in Properties(task.Settings)
        where property.GetCustomAttribute<SettingAttribute>()!.IsPath
        let name = SettingName(property)
        where spec.Settings.GetValueOrDefault(name) is { Length: > 0 }
        select (name, spec.Settings[name]);

    private static SettingDescription Describe(PropertyInfo property, object? byDefault)
    {
        var setting = property.GetCustomAttribute<SettingAttribute>()!;
        var type = property.PropertyType;
        var kind = type == typeof(bool) ? "true or false" : setting.IsPath ? SettingDescription.Path : type == typeof(string) ? "text" : type == typeof(int) || type == typeof(long) ? "whole number" : "number";
        var range = (setting.Choices, setting.Min, setting.Max) switch
        {
            ({ Length: > 0 } choices, _, _) => string.Join(" or ", choices),
            (_, double.NegativeInfinity, double.PositiveInfinity) => kind,
            (_, _, double.PositiveInfinity) => $"{kind}, at least {Text(setting.Min)}",
            _ => $"{kind}, {Text(setting.Min)} to {Text(setting.Max)}",
        };
        return new(SettingName(property), kind, Text(byDefault), range, setting.Meaning);
    }

    private static IEnumerable<PropertyInfo> Properties(Type type) =>
        type.GetProperties().Where(property => property.GetCustomAttribute<SettingAttribute>() is not null);

    private static string Text(object? value) => value switch
    {
        bool flag => flag ? "true" : "false",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };

    /// <summary>LearningRate is set as <c>learning-rate</c>.</summary>
    private static string SettingName(PropertyInfo property)
    {
        var name = new StringBuilder();
        foreach (var letter in property.Name)
        {
            if (char.IsUpper(letter) && name.Length > 0)
            {
                name.Append('-');
            }
            name.Append(char.ToLowerInvariant(letter));
        }
        return name.ToString();
    }
}
