using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;

namespace Granary.Silo.Settings;

/// <summary>Texts become the values of an options class, or a sentence that says what to write instead.</summary>
internal static class OptionsReader
{
    private static readonly string[] TimeForms = [@"h\:m\:s", @"h\:m\:s\.FFFFFFF", @"d\.h\:m\:s"];

    /// <summary>What can be set.</summary>
    public static IEnumerable<PropertyInfo> Settable(Type options) => options.GetProperties().Where(property => property.CanWrite);

    /// <returns>What is wrong with the text; <see langword="null"/>: the property has its value.</returns>
    public static string? TrySet(object options, PropertyInfo property, string text)
    {
        if (Parse(property.PropertyType, text) is { } value && property.GetCustomAttributes<ValidationAttribute>().All(rule => rule.IsValid(value)))
        {
            property.SetValue(options, value);
            return null;
        }
        return Form(property);
    }

    /// <summary>Whether its value is told nobody.</summary>
    public static bool IsSecret(PropertyInfo property) => property.GetCustomAttribute<PasswordPropertyTextAttribute>() is { Password: true };

    private static object? Parse(Type type, string text) =>
        type == typeof(string) ? text
        : type == typeof(int) ? int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null
        : type == typeof(long) ? long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var large) ? large : null
        : type == typeof(bool) ? bool.TryParse(text, out var yes) ? yes : null
        // Not by TimeSpan.Parse, which takes 60 for sixty days.
        : type == typeof(TimeSpan) ? TimeSpan.TryParseExact(text, TimeForms, CultureInfo.InvariantCulture, out var time) ? time : null
        : type.IsEnum ? Enum.GetNames(type).FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase)) is { } known ? Enum.Parse(type, known) : null
        : throw new NotSupportedException($"Options of type {type} cannot be read.");

    private static string Form(PropertyInfo property)
    {
        var range = property.GetCustomAttribute<RangeAttribute>();
        return property.PropertyType switch
        {
            var type when type == typeof(int) || type == typeof(long) => $"a whole number from {range!.Minimum} to {range.Maximum}",
            var type when type == typeof(TimeSpan) => $"hours:minutes:seconds, such as 00:01:00, from {range!.Minimum} to {range.Maximum}",
            var type when type == typeof(bool) => "true or false",
            { IsEnum: true } type => string.Join(" or ", Enum.GetNames(type)),
            _ => property.GetCustomAttribute<RegularExpressionAttribute>()!.ErrorMessage!,
        };
    }
}
