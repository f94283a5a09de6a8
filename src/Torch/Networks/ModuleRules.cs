using System.Collections;
using System.Reflection;
using Granary.Torch.Runtime;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Granary.Torch.Networks;

/// <summary>A network cannot keep the promise of the same bits, or would not be trained as it is written. The message says why, and the cure.</summary>
public sealed class UnfitNetworkException(string message) : ArgumentException(message);

/// <summary>What a network must be, as far as that can be seen before the first step.</summary>
internal static unsafe class ModuleRules
{
    /// <exception cref="UnfitNetworkException">A field of a module holds a parameter, a buffer's module or a module that is not registered.</exception>
    public static void Check(nn.Module network)
    {
        var registered = network.modules().Prepend(network).ToHashSet<object>(ReferenceEqualityComparer.Instance);
        var parameters = network.parameters().Select(PlaceOf).ToHashSet();
        foreach (var module in registered.Cast<nn.Module>())
        {
            foreach (var field in FieldsOf(module.GetType()))
            {
                var forgotten = PartsOf(field.GetValue(module)).FirstOrDefault(part => part is Parameter parameter
                    ? !parameters.Contains(PlaceOf(parameter))
                    : !registered.Contains(part));
                if (forgotten is not null)
                {
                    throw new UnfitNetworkException(
                        $"{module.GetType().Name}.{NameOf(field)} holds a {(forgotten is Parameter ? "parameter" : $"module ({forgotten.GetType().Name})")} that is not registered: it would not be trained, saved or compared. "
                        + "Call RegisterComponents() at the end of the constructor, and keep several modules in a ModuleList, not in an array or a list.");
                }
            }
        }
    }

    /// <summary>The fields that the network's own program declares; libtorch's modules need no check.</summary>
    private static IEnumerable<FieldInfo> FieldsOf(Type type)
    {
        for (; type.Assembly != typeof(nn.Module).Assembly; type = type.BaseType!)
        {
            foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            {
                yield return field;
            }
        }
    }

    private static IEnumerable<object> PartsOf(object? value) => value switch
    {
        nn.Module or Parameter => [value],
        IDictionary dictionary => dictionary.Values.Cast<object?>().SelectMany(PartsOf),
        Array or IList => ((IEnumerable)value).Cast<object?>().SelectMany(part => part is nn.Module or Parameter ? [part] : Array.Empty<object>()),
        _ => [],
    };

    private static nint PlaceOf(Parameter parameter) => (nint)parameter.Floats();

    private static string NameOf(FieldInfo field) => field.Name is ['<', ..] && field.Name.IndexOf('>', StringComparison.Ordinal) is var end and > 0 ? field.Name[1..end] : field.Name;
}
