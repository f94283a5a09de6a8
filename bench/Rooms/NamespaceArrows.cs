using Mono.Cecil;
using Mono.Cecil.Rocks;

namespace Granary.Bench.Rooms;

/// <summary>Which namespaces of an assembly use which others of it, in signatures, attributes and code. A folder is a namespace.</summary>
public sealed class NamespaceArrows
{
    private const string Ours = "Granary.";
    private readonly SortedDictionary<string, SortedDictionary<string, string>> uses = new(StringComparer.Ordinal);

    public static NamespaceArrows Of(string assembly)
    {
        using var module = ModuleDefinition.ReadModule(assembly);
        var arrows = new NamespaceArrows();
        foreach (var type in module.GetAllTypes())
        {
            foreach (var used in UsedBy(type).SelectMany(Parts))
            {
                arrows.Add(module, type, used);
            }
        }
        return arrows;
    }

    /// <summary>What each namespace uses of the others, and the first type that does.</summary>
    public IEnumerable<(string From, string To, string By)> All => uses.SelectMany(from => from.Value.Select(to => (from.Key, to.Key, to.Value)));

    /// <returns>Empty: there is none. Else each arrow of one, with the first type that draws it.</returns>
    public IReadOnlyList<string> Cycle()
    {
        var done = new HashSet<string>();
        return uses.Keys.Select(start => Search(start, [], done)).FirstOrDefault(cycle => cycle.Count > 0) ?? [];
    }

    private List<string> Search(string at, List<string> path, HashSet<string> done)
    {
        if (path.IndexOf(at) is var begin and >= 0)
        {
            return [.. path[begin..].Zip(path[(begin + 1)..].Append(at), (from, to) => $"{from} -> {to} ({uses[from][to]})")];
        }
        if (done.Contains(at) || !uses.TryGetValue(at, out var next))
        {
            return [];
        }
        var found = next.Keys.Select(to => Search(to, [.. path, at], done)).FirstOrDefault(cycle => cycle.Count > 0) ?? [];
        done.Add(at);
        return found;
    }

    private void Add(ModuleDefinition module, TypeDefinition user, TypeReference used)
    {
        var (from, to) = (NamespaceOf(user), NamespaceOf(used));
        if (from != to && from.StartsWith(Ours, StringComparison.Ordinal) && to.StartsWith(Ours, StringComparison.Ordinal) && used.Scope == module)
        {
            (uses.TryGetValue(from, out var known) ? known : uses[from] = new(StringComparer.Ordinal)).TryAdd(to, $"{user.Name} uses {used.Name}");
        }
    }

    private static IEnumerable<TypeReference?> UsedBy(TypeDefinition type) =>
    [
        type.BaseType,
        .. type.Interfaces.Select(one => one.InterfaceType),
        .. type.CustomAttributes.Select(one => one.AttributeType),
        .. type.Fields.SelectMany(field => field.CustomAttributes.Select(one => one.AttributeType).Append(field.FieldType)),
        .. type.Methods.SelectMany(UsedBy),
    ];

    private static IEnumerable<TypeReference?> UsedBy(MethodDefinition method) =>
    [
        method.ReturnType,
        .. method.Parameters.Select(parameter => parameter.ParameterType),
        .. method.CustomAttributes.Select(one => one.AttributeType),
        .. method.HasBody ? method.Body.Variables.Select(variable => variable.VariableType) : [],
        .. method.HasBody ? method.Body.Instructions.SelectMany(instruction => UsedBy(instruction.Operand)) : [],
    ];

    private static IEnumerable<TypeReference?> UsedBy(object? operand) => operand switch
    {
        TypeReference type => [type],
        FieldReference field => [field.DeclaringType, field.FieldType],
        GenericInstanceMethod method => [method.DeclaringType, method.ReturnType, .. method.GenericArguments],
        MethodReference method => [method.DeclaringType, method.ReturnType],
        _ => [],
    };

    /// <summary>The type itself, without arrays, pointers and the like around it, and its generic arguments.</summary>
    private static IEnumerable<TypeReference> Parts(TypeReference? type) => type switch
    {
        null or GenericParameter => [],
        GenericInstanceType generic => Parts(generic.ElementType).Concat(generic.GenericArguments.SelectMany(Parts)),
        TypeSpecification around => Parts(around.ElementType),
        _ => [type],
    };

    private static string NamespaceOf(TypeReference type) => type.DeclaringType is { } outer ? NamespaceOf(outer) : type.Namespace;
}
